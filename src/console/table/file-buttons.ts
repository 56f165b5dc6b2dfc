/** A value as a file: saved, and replaced by the contents of another. */
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { messageOf } from '../client/problem.js';
import { html } from '../parts/html.js';
import { notify } from '../parts/toasts.js';
import { fromBase64, toBase64 } from './binary-text.js';
import { columnShape, isBinary } from './column-shape.js';
import { saveBlob } from './save-file.js';
import { type Draft, readDraft, textDraft } from './value-text.js';

interface FileButtonsProps {
  readonly name: string;
  readonly type: string;
  readonly draft: Draft;
  readonly isDisabled: boolean;
  readonly onChange: (draft: Draft) => void;
}

export function FileButtons({ name, type, draft, isDisabled, onChange }: FileButtonsProps): VNode {
  const input = useRef<HTMLInputElement>(null);
  const take = (event: { currentTarget: HTMLInputElement }): void => {
    const [file] = event.currentTarget.files ?? [];
    if (file === undefined) return;
    event.currentTarget.value = '';
    draftOfFile(type, file).then(onChange, (error: unknown) => notify(`${file.name}: ${messageOf(error)}`, 'failed'));
  };
  const save = (): void => {
    const blob = fileOf(type, draft);
    if (blob !== undefined) saveBlob(blob, `${name}.${extensionOf(type)}`);
  };
  return html`<button type="button" class="quiet" disabled=${fileOf(type, draft) === undefined} onClick=${save}>Download</button>
    <button type="button" class="quiet" disabled=${isDisabled} onClick=${() => input.current?.click()}>Upload</button>
    <input ref=${input} type="file" hidden aria-label=${`File for ${name}`} onChange=${take} />`;
}

function extensionOf(type: string): string {
  const shape = columnShape(type);
  return isBinary(shape) ? 'bin' : shape.kind === 'json' ? 'json' : 'txt';
}

/** Undefined as long as the draft cannot be read. */
function fileOf(type: string, draft: Draft): Blob | undefined {
  const reading = readDraft(type, draft);
  if (reading.json === undefined) return undefined;
  const shape = columnShape(type);
  if (shape.kind === 'json') return new Blob([reading.json], { type: 'application/json' });
  const value = String(JSON.parse(reading.json));
  if (!isBinary(shape)) return new Blob([value], { type: 'text/plain' });
  return new Blob([fromBase64(value) ?? new Uint8Array(0)], { type: 'application/octet-stream' });
}

async function draftOfFile(type: string, file: File): Promise<Draft> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const shape = columnShape(type);
  if (isBinary(shape)) return { text: toBase64(bytes), notation: 'base64' };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('it is not well-formed UTF-8');
  }
  return shape.kind === 'json' ? { text: text.replace(/^\ufeff/, ''), notation: 'plain' } : textDraft(text);
}
