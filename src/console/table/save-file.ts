/** Files that the browser saves. */

/** Saves a file among the downloads. */
export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the file after the click; when it has begun is not known.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file that is written piece by piece. */
export interface FileWriter {
  /** How many bytes it can take; undefined for any number. */
  readonly maxBytes: number | undefined;
  write(text: string): Promise<void>;
  /** Completes the file. */
  close(): Promise<void>;
  /** Leaves no file. */
  abort(): Promise<void>;
}

/** In browsers that write files only as a whole, the file is in memory until it is complete. */
export const MAX_MEMORY_BYTES = 256 * 2 ** 20;

interface SavePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
}

/** Whether a file of any size can be saved. */
export function canStream(): boolean {
  return (window as SavePicker).showSaveFilePicker !== undefined;
}

/** Asks where to save, if the browser can write files piece by piece; undefined when the user has cancelled that. */
export async function openFile(name: string, type: string): Promise<FileWriter | undefined> {
  const { showSaveFilePicker } = window as SavePicker;
  if (showSaveFilePicker === undefined) return memoryFile(name, type);
  try {
    const handle = await showSaveFilePicker.call(window, { suggestedName: name });
    const file = await handle.createWritable();
    return {
      maxBytes: undefined,
      write: (text) => file.write(text),
      close: () => file.close(),
      abort: () => file.abort(),
    };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

function memoryFile(name: string, type: string): FileWriter {
  const pieces: string[] = [];
  return {
    maxBytes: MAX_MEMORY_BYTES,
    write: async (text) => {
      pieces.push(text);
    },
    close: async () => saveBlob(new Blob(pieces, { type }), name),
    abort: async () => {
      pieces.length = 0;
    },
  };
}
