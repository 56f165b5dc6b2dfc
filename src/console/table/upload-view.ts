/** Writes the rows of a file into a table. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { access, refusalOf } from '../client/session.js';
import { formatBytes, formatPercent, formatPlural } from '../formats.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { SelectField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { Progress } from '../parts/progress.js';
import { notify } from '../parts/toasts.js';
import { useStore } from '../store.js';
import { type CsvRoles, headerProblem, suggestedRoles } from './csv-rows.js';
import { sendLines } from './send-lines.js';
import type { TableDescription } from './table-description.js';
import { csvBatches, csvHeaderOf, type FailedLine, isNdjson, ndjsonBatches } from './upload-batches.js';
import { FAILURES_LISTED, NOTHING_UPLOADED, type UploadProgress, uploadRows } from './upload-rows.js';

interface ChosenFile {
  readonly file: File;
  /** Of a CSV file. */
  readonly header: readonly string[] | undefined;
}

const NO_COLUMN = '';

interface UploadViewProps {
  readonly table: TableDescription;
  /** Rows may have been written. */
  readonly onWritten: () => void;
}

export function UploadView({ table, onWritten }: UploadViewProps): VNode {
  const [chosen, setChosen] = useState<ChosenFile>();
  const [roles, setRoles] = useState<CsvRoles>({ key: undefined, expires: undefined });
  const [progress, setProgress] = useState<UploadProgress>();
  const [outcome, setOutcome] = useState<'running' | 'done' | 'cancelled'>();
  const [error, setError] = useState<unknown>();
  const running = useRef<AbortController | undefined>(undefined);
  const refusal = refusalOf(useStore(access), 'write');
  const isRunning = outcome === 'running';
  // Nobody could see or cancel it any more.
  useEffect(
    () => () => {
      if (running.current === undefined) return;
      running.current.abort();
      notify(`The upload to ${table.name} was cancelled when you left it; the rows so far remain`);
    },
    [],
  );
  const choose = async (file: File | undefined): Promise<void> => {
    setChosen(undefined);
    setProgress(undefined);
    setOutcome(undefined);
    setError(undefined);
    if (file === undefined) return;
    const header = (await isNdjson(file)) ? undefined : await csvHeaderOf(file);
    if (header !== undefined) setRoles(suggestedRoles(header, table.columns));
    setChosen({ file, header });
  };
  const run = async ({ file, header }: ChosenFile): Promise<void> => {
    const ended = new AbortController();
    running.current = ended;
    setOutcome('running');
    setError(undefined);
    setProgress(NOTHING_UPLOADED);
    try {
      const batches = header === undefined ? ndjsonBatches(file) : csvBatches(file, roles, table.columns);
      for await (const step of uploadRows(batches, (body) => sendLines(table.name, body, ended.signal)))
        setProgress(step);
      setOutcome('done');
    } catch (problem) {
      setOutcome(ended.signal.aborted ? 'cancelled' : undefined);
      if (!ended.signal.aborted) setError(problem);
    }
    running.current = undefined;
    onWritten();
  };
  const problem = chosen?.header === undefined ? undefined : headerProblem(chosen.header, roles, table.columns);
  const start = (event: Event): void => {
    event.preventDefault();
    if (chosen !== undefined && problem === undefined && !isRunning && refusal === undefined) void run(chosen);
  };
  return html`<section aria-labelledby="upload">
    <h2 id="upload">Upload</h2>
    <form class="panel transfer" aria-label="Upload" onSubmit=${start}>
      <p class="hint">
        NDJSON or CSV. A row replaces the one with its key; columns that it does not name are set to zero. A line that
        fails does not stop the others.
      </p>
      <div class="field">
        <label for="upload-file">File</label>
        <input
          id="upload-file"
          type="file"
          accept=".ndjson,.jsonl,.json,.csv,.txt"
          disabled=${isRunning || refusal !== undefined}
          onChange=${(event: { currentTarget: HTMLInputElement }) => {
            choose(event.currentTarget.files?.[0]).catch(setError);
          }}
        />
      </div>
      ${
        chosen?.header !== undefined &&
        html`<div class="fields">${roleField('key')} ${roleField('expires')}</div>
          ${problem !== undefined && html`<p class="field-error" role="alert">${problem}</p>`}`
      }
      <div class="buttons">
        <button type="submit" class="primary" disabled=${chosen === undefined || problem !== undefined || isRunning || refusal !== undefined}>
          Upload
        </button>
        ${isRunning && html`<button type="button" onClick=${() => running.current?.abort()}>Cancel</button>`}
        ${refusal !== undefined && html`<span class="soft">${refusal}</span>`}
      </div>
      ${
        progress !== undefined &&
        chosen !== undefined &&
        h(Progress, {
          label: 'Upload',
          part: chosen.file.size === 0 ? 1 : progress.bytes / chosen.file.size,
          detail: `${formatPercent(progress.bytes / chosen.file.size)} of ${formatBytes(chosen.file.size)}`,
        })
      }
      <div role="status">${progress !== undefined && html`<p>${summaryOf(progress, outcome)}</p>`}</div>
      ${error !== undefined && h(ProblemBox, { what: uploadError(progress), error })}
    </form>
    ${
      progress !== undefined &&
      progress.failed.length > 0 &&
      html`<h3>Lines that failed${progress.failures > progress.failed.length && `: the first ${FAILURES_LISTED}`}</h3>
        ${h(DataTable<FailedLine>, {
          caption: 'Lines that failed',
          columns: FAILED_COLUMNS,
          rows: progress.failed,
          keyOf: ({ line }) => String(line),
          empty: '',
        })}`
    }
  </section>`;

  function roleField(role: keyof CsvRoles): VNode {
    return h(SelectField<string>, {
      label: role === 'key' ? 'Column with the keys' : 'Column with the expiries',
      value: roles[role] ?? NO_COLUMN,
      isDisabled: isRunning,
      options: [
        { value: NO_COLUMN, label: role === 'key' ? 'Choose …' : 'None' },
        ...(chosen?.header ?? []).map((value) => ({ value, label: value })),
      ],
      onChange: (name) => setRoles({ ...roles, [role]: name === NO_COLUMN ? undefined : name }),
    });
  }
}

const FAILED_COLUMNS: readonly DataColumn<FailedLine>[] = [
  { id: 'line', title: 'Line', cell: ({ line }) => String(line) },
  { id: 'problem', title: 'Problem', cell: ({ problem }) => html`<span class="problem">${problem}</span>` },
];

function summaryOf({ written, expired, failures }: UploadProgress, outcome: string | undefined): string {
  const parts = [`${formatPlural(written, 'row')} written`];
  if (failures > 0) parts.push(`${formatPlural(failures, 'line')} failed`);
  if (expired > 0) parts.push(`${formatPlural(expired, 'row')} skipped, because they had expired`);
  const end = outcome === 'done' ? 'Done' : outcome === 'cancelled' ? 'Cancelled; the rows so far remain' : 'So far';
  return `${end}: ${parts.join(', ')}.`;
}

/** A request that failed may have written some of its lines. */
function uploadError(progress: UploadProgress | undefined): string {
  return progress === undefined || progress.bytes === 0
    ? 'The upload has failed'
    : 'The upload has stopped; the rows so far remain, and uploading the file again writes all of them';
}
