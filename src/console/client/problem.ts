/** What the service answers instead of a result. */

/** A problem document (RFC 9457) of the service, or a request that got no response. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  /** The status of the response; 0 if there was none. */
  readonly status: number;
  /** Such as `ERR_ROW_NOT_FOUND`; `ERR_UNREACHABLE` if there was no response. */
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** The problem in a response that is not a success. A proxy in between may answer with any other document. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text().catch(() => '');
  const { code, detail } = parseProblem(text);
  const fallback = `the response has status ${response.status} ${response.statusText}`.trimEnd();
  return new ApiProblem(response.status, code ?? 'ERR_RESPONSE', detail ?? fallback);
}

/** The error of a request that got no response. */
export function unreachable(error: unknown): ApiProblem {
  return new ApiProblem(0, 'ERR_UNREACHABLE', `the service does not answer (${messageOf(error)})`);
}

/** The text to show for any error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parseProblem(text: string): { code?: string; detail?: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return {};
    return {
      ...('code' in value && typeof value.code === 'string' && { code: value.code }),
      ...('detail' in value && typeof value.detail === 'string' && { detail: value.detail }),
    };
  } catch {
    return {};
  }
}
