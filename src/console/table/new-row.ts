/** Creates a row. */
import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ApiProblem } from '../client/problem.js';
import { access, refusalOf } from '../client/session.js';
import { ownValue } from '../own-value.js';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { notify } from '../parts/toasts.js';
import { hrefOf } from '../route.js';
import { navigate } from '../router.js';
import { useStore } from '../store.js';
import { type LifetimeDraft, lifetimeOf } from './lifetime.js';
import { LifetimeField } from './lifetime-field.js';
import { type Drafts, editedJson, withDraft } from './row-drafts.js';
import { objectJson } from './row-versions.js';
import { writeRow } from './rows-request.js';
import { shownKey } from './shown-key.js';
import type { TableDescription } from './table-description.js';
import { ValueField } from './value-field.js';
import {
  convertDraft,
  type Draft,
  draftOf,
  type Notation,
  readDraft,
  textBytes,
  textDraft,
  zeroJson,
} from './value-text.js';

interface NewRowProps {
  readonly table: TableDescription;
  readonly firstKey: string;
}

const MAX_KEY_BYTES = 255;

export function NewRow({ table, firstKey }: NewRowProps): VNode {
  const types = table.columns;
  const [key, setKey] = useState<Draft>(() => textDraft(firstKey));
  const [drafts, setDrafts] = useState<Drafts>({});
  const [lifetime, setLifetime] = useState<LifetimeDraft>({ choice: 'none', count: '1', unit: 'hours' });
  const [isSaving, setSaving] = useState(false);
  const [error, setError] = useState<unknown>();
  const refusal = refusalOf(useStore(access), 'write');
  const zeros = useMemo(
    () => Object.fromEntries(Object.entries(types).map(([column, type]) => [column, zeroJson(type)])),
    [types],
  );
  const originals = useMemo(
    () => Object.fromEntries(Object.entries(types).map(([column, type]) => [column, draftOf(type, zeros[column])])),
    [types],
  );
  const maxKeyBytes = table.maxKeyBytes ?? MAX_KEY_BYTES;
  const name = readDraft(`string(${maxKeyBytes})`, key);
  const keyText = name.json === undefined ? undefined : String(JSON.parse(name.json));
  const edited = editedJson(drafts, zeros, types);
  const ttl = lifetimeOf(lifetime);
  const isReady =
    keyText !== undefined && keyText !== '' && edited !== undefined && !(ttl !== undefined && 'problem' in ttl);
  const exists = error instanceof ApiProblem && error.status === 412;
  const create = (event: Event): void => {
    event.preventDefault();
    if (!isReady || isSaving || refusal !== undefined) return;
    setSaving(true);
    setError(undefined);
    const ttlMs = ttl !== undefined && 'ttlMs' in ttl ? ttl.ttlMs : undefined;
    writeRow('PUT', { table: table.name, key: keyText }, objectJson(edited), { onlyIf: 'none', ttlMs }).then(
      () => {
        notify(`Created ${shownKey(keyText)}`);
        navigate({ page: 'row', table: table.name, key: keyText });
      },
      (problem: unknown) => {
        setError(problem);
        setSaving(false);
      },
    );
  };
  return html`<section aria-labelledby="new-row">
    <h2 id="new-row">New row</h2>
    <form class="row-editor" aria-label="New row" onSubmit=${create}>
      <div class="value-field" role="group" aria-label="Key">
        ${h(TextField, {
          label: 'Key',
          value: key.text,
          isCode: true,
          isRequired: true,
          isDisabled: isSaving,
          error: name.json === undefined ? `The key ${name.problem}` : undefined,
          hint: keyText === undefined ? undefined : `${textBytes(keyText)} of ${maxKeyBytes} bytes`,
          onInput: (text) => setKey({ ...key, text }),
        })}
        ${h(SelectField<Notation>, {
          label: 'Notation',
          value: key.notation,
          options: [
            { value: 'plain', label: 'plain' },
            { value: 'escaped', label: 'with escapes' },
          ],
          onChange: (notation) => setKey(convertDraft('text', key, notation) ?? key),
        })}
      </div>
      ${Object.entries(types).map(([column, type]) =>
        h(ValueField, {
          key: column,
          name: column,
          type,
          draft: ownValue(drafts, column) ?? originals[column],
          isChanged: false,
          isDisabled: isSaving,
          onChange: (draft) => setDrafts((before) => withDraft(before, originals, column, draft)),
          onUndo: undefined,
        }),
      )}
      ${h(LifetimeField, {
        draft: lifetime,
        choices: [
          { value: 'none', label: 'None' },
          { value: 'set', label: 'Expires in …' },
        ],
        isDisabled: isSaving,
        onChange: setLifetime,
      })}
      ${
        exists && keyText !== undefined
          ? html`<p class="error-box" role="alert">
              The table has a row with this key already, and it is left as it is.
              <a href=${hrefOf({ page: 'row', table: table.name, key: keyText })}>Open it</a>
            </p>`
          : error !== undefined && h(ProblemBox, { what: 'The row could not be created', error })
      }
      <div class="buttons save-bar">
        <button type="submit" class="primary" disabled=${!isReady || isSaving || refusal !== undefined}>
          ${isSaving ? 'Creating…' : 'Create'}
        </button>
        ${refusal !== undefined && html`<span class="soft">${refusal}</span>`}
      </div>
    </form>
  </section>`;
}
