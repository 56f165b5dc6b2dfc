/** Text that arrives in pieces, as lines. */

/**
 * The lines of a stream of UTF-8, as they arrive; `onBytes` learns how many bytes have been read. Ends the stream when the
 * caller stops.
 */
export async function* linesOf(
  body: ReadableStream<Uint8Array>,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let bytes = 0;
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      onBytes?.(bytes);
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    ended = true;
    rest += decoder.decode();
    if (rest !== '') yield rest;
  } finally {
    if (!ended) reader.cancel().catch(() => undefined);
  }
}
