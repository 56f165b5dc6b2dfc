/** Reads the text of an event stream (Server-Sent Events), line by line. */

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** The last id that the stream has given; to resume after this event. */
  readonly id: string | undefined;
}

export class SseParser {
  #type = '';
  #data: string[] = [];
  #id: string | undefined;
  /** Where to resume: the id of the last event or comment that is complete. */
  lastId: string | undefined;
  /** The pause before the client connects again, if the service has asked for one. */
  retryMs: number | undefined;

  /** Takes a line without its end; returns the event that it completes. */
  line(text: string): ServerEvent | undefined {
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (line === '') return this.#complete();
    const colon = line.indexOf(':');
    // A comment: the heartbeat.
    if (colon === 0) return undefined;
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#type = value;
    else if (name === 'data') this.#data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  #complete(): ServerEvent | undefined {
    const [type, data] = [this.#type, this.#data];
    this.#type = '';
    this.#data = [];
    this.lastId = this.#id;
    return data.length === 0 ? undefined : { type: type || 'message', data: data.join('\n'), id: this.#id };
  }
}
