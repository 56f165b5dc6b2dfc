/** Edits the columns and the expiry of a row, and saves them over the version that was read. */
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { access, refusalOf } from '../client/session.js';
import { formatPlural } from '../formats.js';
import { ownValue } from '../own-value.js';
import { ActionDialog } from '../parts/action-dialog.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { notify } from '../parts/toasts.js';
import { useStore } from '../store.js';
import { ConflictDialog } from './conflict-dialog.js';
import { KEEP_LIFETIME, lifetimeOf } from './lifetime.js';
import { LifetimeField } from './lifetime-field.js';
import { type Drafts, editedJson, rowJsonOf, withDraft } from './row-drafts.js';
import { objectJson, type RowJson } from './row-versions.js';
import { type OtherVersion, saveEdit } from './row-write.js';
import { type RowEnvelope, writeRow } from './rows-request.js';
import { shownKey } from './shown-key.js';
import { ValueField } from './value-field.js';
import { draftOf } from './value-text.js';

interface RowEditorProps {
  readonly table: string;
  readonly types: Readonly<Record<string, string>>;
  /** The latest version that was read. */
  readonly base: RowEnvelope;
  /** Another version that is known to be in the table. */
  readonly other: OtherVersion | undefined;
  readonly onOther: (other: OtherVersion | undefined) => void;
  /** The row as it is in the table now. */
  readonly onSaved: (row: RowEnvelope) => void;
  readonly onEditing: (isEditing: boolean) => void;
}

export function RowEditor(props: RowEditorProps): VNode {
  const { table, onOther, onSaved, onEditing } = props;
  const [drafts, setDrafts] = useState<Drafts>({});
  const [lifetime, setLifetime] = useState(KEEP_LIFETIME);
  const [isSaving, setSaving] = useState(false);
  const [error, setError] = useState<unknown>();
  const refusal = refusalOf(useStore(access), 'write');
  const isEditing = Object.keys(drafts).length > 0 || lifetime.choice !== 'keep';
  // A version that arrives while another is edited must not take its place: what was typed would be saved over values
  // that its author has not seen.
  const edits = useRef(props);
  if (!isEditing) edits.current = props;
  const { base, types } = edits.current;
  const other = props.other?.now?.revision === base.revision ? undefined : props.other;
  const json = useMemo(() => rowJsonOf(base.row), [base]);
  // The table may have been altered between the reading of its columns and that of the row.
  const columns = Object.keys(types).filter((column) => Object.hasOwn(json, column));
  const originals = useMemo(
    () => Object.fromEntries(columns.map((column) => [column, draftOf(types[column], json[column])])),
    [json, types],
  );
  const edited = editedJson(drafts, json, types);
  const ttl = lifetimeOf(lifetime);
  const changesExpiry = lifetime.choice === 'set' || (lifetime.choice === 'none' && base.expiresAt !== null);
  const changes = edited === undefined ? 0 : Object.keys(edited).length;
  const isReady = edited !== undefined && !(ttl !== undefined && 'problem' in ttl) && (changes > 0 || changesExpiry);
  useEffect(() => onEditing(isEditing), [isEditing]);
  const discard = (): void => {
    setDrafts({});
    setLifetime(KEEP_LIFETIME);
    setError(undefined);
  };
  const done = (row: RowEnvelope): void => {
    discard();
    onOther(undefined);
    onSaved(row);
  };
  const write = async (over: RowEnvelope, values: RowJson): Promise<boolean> => {
    const ttlMs = ttl !== undefined && 'ttlMs' in ttl ? ttl.ttlMs : undefined;
    const saved = await saveEdit(table, over, { edited: values, ttlMs, removesExpiry: lifetime.choice === 'none' });
    if ('now' in saved) {
      onOther(saved);
      return false;
    }
    notify(`Saved ${shownKey(base.key)}`);
    done(saved);
    return true;
  };
  const save = (event: Event): void => {
    event.preventDefault();
    if (!isReady || isSaving || refusal !== undefined) return;
    setSaving(true);
    setError(undefined);
    write(base, edited)
      .catch(setError)
      .finally(() => setSaving(false));
  };
  const resolve = async (theirs: RowEnvelope, values: RowJson): Promise<void> => {
    if (Object.keys(values).length === 0 && !changesExpiry) return done(theirs);
    if (!(await write(theirs, values))) throw new Error('The row was changed once more. Look at both versions again.');
  };
  return html`<form class="row-editor" aria-label="Columns" onSubmit=${save}>
      ${columns.map((column) =>
        h(ValueField, {
          key: column,
          name: column,
          type: types[column],
          draft: ownValue(drafts, column) ?? originals[column],
          isChanged: Object.hasOwn(drafts, column),
          isDisabled: refusal !== undefined || isSaving,
          onChange: (draft) => setDrafts((before) => withDraft(before, originals, column, draft)),
          onUndo: () => setDrafts(({ [column]: _, ...others }) => others),
        }),
      )}
      ${h(LifetimeField, {
        draft: lifetime,
        choices: [
          { value: 'keep', label: base.expiresAt === null ? 'None' : 'As it is' },
          { value: 'set', label: 'Expires in …' },
          ...(base.expiresAt === null ? [] : [{ value: 'none', label: 'Remove' } as const]),
        ],
        isDisabled: refusal !== undefined || isSaving,
        onChange: setLifetime,
      })}
      ${
        other !== undefined &&
        edited === undefined &&
        html`<p class="error-box" role="alert">
          Somebody has written the row since you read it. Correct the value that cannot be read; then both versions are shown.
        </p>`
      }
      ${error !== undefined && h(ProblemBox, { what: 'The row could not be saved', error })}
      <div class="buttons save-bar">
        <button type="submit" class="primary" disabled=${!isReady || isSaving || refusal !== undefined}>
          ${isSaving ? 'Saving…' : changes > 0 ? `Save ${formatPlural(changes, 'change')}` : 'Save'}
        </button>
        <button type="button" disabled=${isSaving || !isEditing} onClick=${discard}>
          Discard
        </button>
        ${refusal !== undefined && html`<span class="soft">${refusal}</span>`}
      </div>
    </form>
    ${
      other?.now !== undefined &&
      edited !== undefined &&
      h(ConflictDialog, {
        types,
        base,
        theirs: other.now,
        edited,
        expiryChosen: changesExpiry
          ? lifetime.choice === 'none'
            ? 'none'
            : `in ${lifetime.count} ${lifetime.unit}`
          : undefined,
        save: (values) => (other.now === undefined ? Promise.resolve() : resolve(other.now, values)),
        onClose: () => onOther(undefined),
      })
    }
    ${
      other !== undefined &&
      other.now === undefined &&
      h(
        ActionDialog,
        {
          title: `The row ${shownKey(base.key)} was deleted meanwhile`,
          action: 'Create it with these values',
          isReady: edited !== undefined,
          run: async () => {
            const ttlMs = ttl !== undefined && 'ttlMs' in ttl ? ttl.ttlMs : undefined;
            const body = objectJson({ ...json, ...edited });
            done(await writeRow('PUT', { table, key: base.key }, body, { onlyIf: 'none', ttlMs }));
          },
          onClose: () => onOther(undefined),
        },
        html`<p>It is not in the table any more: somebody has deleted it, or it has expired. Nothing of yours is saved yet.</p>`,
      )
    }`;
}
