/**
 * Collects the operations of a batch as they arrive: the first one that is malformed or beyond the token's scope ends
 * it.
 */
import type { FastifyRequest } from 'fastify';
import { ShmTableError, show } from '../../errors.js';
import { checkOperation, type Operation, operationSchema } from '../batch-operations.js';
import { Compile } from '../schema-compiler.js';
import { MAX_OPERATIONS } from './body-limits.js';

const compiled = Compile(operationSchema);

export class BatchReader {
  readonly operations: Operation[] = [];
  readonly #request: FastifyRequest;
  #writes = false;

  constructor(request: FastifyRequest) {
    this.#request = request;
  }

  /** Adds the operations of a body that was parsed as a whole. */
  addAll(body: unknown): readonly Operation[] {
    if (!Array.isArray(body)) {
      throw new ShmTableError('ERR_BODY_MALFORMED', `a batch must be an array of operations, got ${show(body)}`);
    }
    if (body.length > MAX_OPERATIONS) {
      throw new ShmTableError(
        'ERR_BODY_MALFORMED',
        `a batch must have at most ${MAX_OPERATIONS} operations, got ${body.length}`,
      );
    }
    for (const value of body) this.add(value);
    return this.operations;
  }

  /**
   * @throws {ShmTableError} ERR_BODY_MALFORMED when the value is not an operation; ERR_FORBIDDEN and ERR_UNAUTHENTICATED
   *   when the request may not write
   */
  add(value: unknown): void {
    const index = this.operations.length;
    if (!isOperation(value)) {
      const [, [{ instancePath, message }]] = compiled.Errors(value);
      throw new ShmTableError('ERR_BODY_MALFORMED', `operation ${index}${instancePath} ${message}, got ${show(value)}`);
    }
    checkOperation(value, index);
    if (value.op !== 'get' && !this.#writes) {
      this.#request.requireScope?.('write');
      this.#writes = true;
    }
    this.operations.push(value);
  }
}

function isOperation(value: unknown): value is Operation {
  return compiled.Check(value);
}
