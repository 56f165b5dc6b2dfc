/** A row that somebody else has written since it was read: both versions side by side, and a choice for each column. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { formatDateTime } from '../formats.js';
import { ownValue } from '../own-value.js';
import { ActionDialog } from '../parts/action-dialog.js';
import { h, html } from '../parts/html.js';
import { rowJsonOf } from './row-drafts.js';
import {
  type Choices,
  type ColumnDifference,
  differences,
  excerpt,
  merged,
  type RowJson,
  undecided,
} from './row-versions.js';
import type { RowEnvelope } from './rows-request.js';
import { shownKey } from './shown-key.js';
import { draftOf } from './value-text.js';

interface ConflictDialogProps {
  readonly types: Readonly<Record<string, string>>;
  /** As it was read. */
  readonly base: RowEnvelope;
  /** As it is in the table. */
  readonly theirs: RowEnvelope;
  /** The columns that were edited here. */
  readonly edited: RowJson;
  /** What was chosen here for the expiry, if anything. */
  readonly expiryChosen: string | undefined;
  /** Writes these columns over their version. */
  readonly save: (edited: RowJson) => Promise<void>;
  readonly onClose: () => void;
}

export function ConflictDialog(props: ConflictDialogProps): VNode {
  const { types, base, theirs, edited, expiryChosen, save, onClose } = props;
  const [choices, setChoices] = useState<Choices>({});
  const columns = differences(rowJsonOf(base.row), rowJsonOf(theirs.row), edited);
  const result = merged(columns, choices);
  const open = undecided(columns, choices);
  const dropped = Object.keys(edited).filter((column) => !Object.hasOwn(theirs.row, column));
  const writes = open.length > 0 || Object.keys(result).length > 0 || expiryChosen !== undefined;
  const contents = html`<p>
      Somebody has written the row since you read it: revision ${base.revision} became ${theirs.revision}. Nothing of
      yours is saved yet. Choose what to keep.
    </p>
    ${columns.map((column) =>
      h(ColumnChoice, {
        key: column.column,
        // A column that was added since the types were read is shown as JSON.
        type: ownValue(types, column.column) ?? 'json',
        difference: column,
        choice: ownValue(choices, column.column) ?? (column.changedBy === 'both' ? undefined : column.changedBy),
        onChoose: (choice) => setChoices({ ...choices, [column.column]: choice }),
      }),
    )}
    ${
      dropped.length > 0 &&
      html`<p class="warning-box">
        The table no longer has ${dropped.join(', ')}; what you typed there cannot be saved.
      </p>`
    }
    ${columns.length === 0 && html`<p>All columns have the values that you see here.</p>`}
    ${
      (theirs.expiresAt !== base.expiresAt || expiryChosen !== undefined) &&
      html`<p>Expiry: theirs ${expiryText(theirs.expiresAt)}${expiryChosen !== undefined && `, yours ${expiryChosen}`}.</p>`
    }
    ${open.length > 0 && html`<p class="soft" role="status">Not decided: ${open.join(', ')}</p>`}`;
  return h(
    ActionDialog,
    {
      title: `The row ${shownKey(base.key)} was changed meanwhile`,
      action: writes ? 'Save over their version' : 'Take their version',
      isReady: open.length === 0,
      wide: true,
      run: () => save(result),
      onClose,
    },
    contents,
  );
}

function expiryText(expiresAt: number | null): string {
  return expiresAt === null ? 'none' : formatDateTime(expiresAt);
}

interface ColumnChoiceProps {
  readonly type: string;
  readonly difference: ColumnDifference;
  readonly choice: 'theirs' | 'yours' | undefined;
  readonly onChoose: (choice: 'theirs' | 'yours') => void;
}

const CHANGED = { theirs: 'changed by them', yours: 'changed by you', both: 'changed by both' } as const;

function ColumnChoice({ type, difference, choice, onChoose }: ColumnChoiceProps): VNode {
  const { column, base, changedBy } = difference;
  const text = (json: string): string => draftOf(type, json).text;
  const texts = { theirs: text(difference.theirs), yours: text(difference.yours) };
  const option = (side: 'theirs' | 'yours', title: string): VNode => html`<label class="version">
    <span>
      <input type="radio" name=${`version-${column}`} checked=${choice === side} onChange=${() => onChoose(side)} />
      ${title}
    </span>
    <pre class="code">${excerpt(texts[side], texts[side === 'theirs' ? 'yours' : 'theirs'])}</pre>
  </label>`;
  return html`<fieldset class="versions">
    <legend><span class="code">${column}</span> <span class="hint">${type}, ${CHANGED[changedBy]}</span></legend>
    ${changedBy === 'both' && html`<div class="version was"><span>Was</span><pre class="code">${excerpt(text(base), texts.yours)}</pre></div>`}
    ${option('theirs', 'Theirs')} ${option('yours', 'Yours')}
  </fieldset>`;
}
