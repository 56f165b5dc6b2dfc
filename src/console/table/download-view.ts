/** Saves the rows of a table as a file. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatBytes, formatPlural } from '../formats.js';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { Progress } from '../parts/progress.js';
import { notify } from '../parts/toasts.js';
import { columnsShown } from './column-chooser.js';
import { type DownloadWanted, downloadRows } from './download-rows.js';
import { useHashQuery } from './hash-query.js';
import { canStream, MAX_MEMORY_BYTES, openFile } from './save-file.js';
import type { TableDescription } from './table-description.js';

type Format = DownloadWanted['format'];
const TYPES: Readonly<Record<Format, string>> = { ndjson: 'application/x-ndjson', csv: 'text/csv' };

export function DownloadView({ table }: { readonly table: TableDescription }): VNode {
  const query = useHashQuery();
  const listed = columnsShown(table.columns, query.get('columns'));
  const [prefix, setPrefix] = useState(query.get('prefix') ?? '');
  const [format, setFormat] = useState<Format>('ndjson');
  const [onlyListed, setOnlyListed] = useState<'all' | 'listed'>('all');
  const [rows, setRows] = useState<number>();
  const [error, setError] = useState<unknown>();
  const running = useRef<AbortController | undefined>(undefined);
  const isRunning = rows !== undefined;
  // Nobody could see or cancel it any more.
  useEffect(() => () => running.current?.abort(), []);
  const run = async (): Promise<void> => {
    const file = await openFile(`${table.name}.${format}`, TYPES[format]);
    if (file === undefined) return;
    const ended = new AbortController();
    running.current = ended;
    setRows(0);
    const columns = onlyListed === 'listed' ? listed : undefined;
    const steps = downloadRows({ table, format, prefix, columns }, file, ended.signal);
    try {
      for (;;) {
        const { done, value } = await steps.next();
        if (done) return notify(`Saved ${formatPlural(value, 'row')}`);
        setRows(value);
      }
    } catch (problem) {
      if (ended.signal.aborted) notify('The download was cancelled; no file is kept');
      else throw problem;
    }
  };
  const start = (event: Event): void => {
    event.preventDefault();
    setError(undefined);
    run()
      .catch(setError)
      .finally(() => setRows(undefined));
  };
  const total = prefix === '' && table.rows !== null ? table.rows : undefined;
  return html`<section aria-labelledby="download">
    <h2 id="download">Download</h2>
    <form class="panel transfer" aria-label="Download" onSubmit=${start}>
      <div class="fields">
        ${h(SelectField<Format>, {
          label: 'Format',
          value: format,
          isDisabled: isRunning,
          options: [
            { value: 'ndjson', label: 'NDJSON, as shmtable dump' },
            { value: 'csv', label: 'CSV, as shmtable load reads it' },
          ],
          onChange: setFormat,
        })}
        ${h(TextField, { label: 'Keys that begin with', value: prefix, isCode: true, isDisabled: isRunning, onInput: setPrefix })}
        ${
          listed !== undefined &&
          listed.length > 0 &&
          h(SelectField<'all' | 'listed'>, {
            label: 'Columns',
            value: onlyListed,
            isDisabled: isRunning,
            options: [
              { value: 'all', label: 'All' },
              { value: 'listed', label: `The ${listed.length} that are listed` },
            ],
            onChange: setOnlyListed,
          })
        }
      </div>
      ${!canStream() && html`<p class="hint">This browser saves at most ${formatBytes(MAX_MEMORY_BYTES)} here.</p>`}
      <div class="buttons">
        <button type="submit" class="primary" disabled=${isRunning}>Download</button>
        ${isRunning && html`<button type="button" onClick=${() => running.current?.abort()}>Cancel</button>`}
      </div>
      ${
        rows !== undefined &&
        h(Progress, {
          label: 'Download',
          part: total === undefined || total === 0 ? undefined : Math.min(rows / total, 1),
          detail: formatPlural(rows, 'row'),
        })
      }
      ${error !== undefined && h(ProblemBox, { what: 'The download has failed, and no file is kept', error })}
    </form>
  </section>`;
}
