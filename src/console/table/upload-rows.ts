/** Sends the batches of a file one after the other and adds up what became of their rows. */
import type { FailedLine, UploadBatch } from './upload-batches.js';

/** Failed lines that are listed; the others are counted. */
export const FAILURES_LISTED = 1000;

export interface UploadProgress {
  readonly bytes: number;
  readonly written: number;
  readonly expired: number;
  /** The first ones. */
  readonly failed: readonly FailedLine[];
  readonly failures: number;
}

export const NOTHING_UPLOADED: UploadProgress = { bytes: 0, written: 0, expired: 0, failed: [], failures: 0 };

/** What the service reports of the lines in a request. */
export interface LoadReport {
  readonly written: number;
  readonly failed: readonly { readonly line: number; readonly problem: { readonly detail: string } }[];
  readonly failures?: number;
  readonly expired?: number;
}

/** Yields after each batch; ends with the last one, or throws what `send` throws: the rows so far remain. */
export async function* uploadRows(
  batches: AsyncIterable<UploadBatch>,
  send: (body: Blob | string) => Promise<LoadReport>,
): AsyncGenerator<UploadProgress> {
  let progress = NOTHING_UPLOADED;
  for await (const batch of batches) {
    const report = batch.body === '' ? { written: 0, failed: [] } : await send(batch.body);
    progress = withReport(progress, batch, report);
    yield progress;
  }
}

function withReport(before: UploadProgress, batch: UploadBatch, report: LoadReport): UploadProgress {
  const failed = [
    ...batch.failed,
    ...report.failed.map(({ line, problem }) => ({ line: batch.lineOf(line), problem: problem.detail })),
  ].sort((a, b) => a.line - b.line);
  return {
    bytes: batch.bytes,
    written: before.written + report.written,
    expired: before.expired + (report.expired ?? 0),
    failed: [...before.failed, ...failed].slice(0, FAILURES_LISTED),
    failures: before.failures + batch.failed.length + (report.failures ?? report.failed.length),
  };
}
