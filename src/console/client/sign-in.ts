/** Asks the service what the token allows. */
import { send } from './api.js';
import { ApiProblem } from './problem.js';
import { access, SCOPES } from './session.js';

/**
 * Finds out which scope the token has, or that the service wants none. Ends with `access` being `granted` or
 * `signed-out`.
 *
 * @throws {ApiProblem} when the service does not answer, or cannot answer now
 */
export async function findAccess(): Promise<void> {
  try {
    const { headers } = await send('v1/overview', { method: 'HEAD' });
    const scope = SCOPES.find((each) => each === headers.get('Shm-Scope'));
    if (scope === undefined) throw new ApiProblem(0, 'ERR_RESPONSE', 'the response does not say what the token allows');
    access.set({ state: 'granted', scope });
  } catch (error) {
    // Then the user is asked for another token.
    if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
  }
}
