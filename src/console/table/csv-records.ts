/**
 * Reads CSV (RFC 4180) in pieces, with the rules of `shmtable load`: a line ends with LF, CR LF or CR; empty lines are
 * skipped; a record has as many cells as the header.
 */
export interface CsvRecord {
  /** The number of the line on which the record ends, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Why it is no record. */
  readonly problem?: string;
}

const QUOTE = '"';

/** A record with more characters is malformed, as a quote that is never closed would otherwise be read to the end. */
const MAX_RECORD_CHARACTERS = 2 ** 28;

export class CsvReader {
  #cells: string[] = [];
  /** Parts of the cell that is being read. */
  #cell = '';
  #state: 'start' | 'plain' | 'quoted' | 'closed' | 'broken' = 'start';
  #problem: string | undefined;
  #line = 1;
  #openedAt = 1;
  #characters = 0;
  #afterReturn = false;
  #width: number | undefined;
  #isBegun = false;

  /** The records that end in this piece of the file. */
  read(piece: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    let text = piece;
    if (!this.#isBegun && text !== '') {
      this.#isBegun = true;
      if (text.startsWith('\ufeff')) text = text.slice(1);
    }
    for (let at = 0; at < text.length; ) {
      if (this.#afterReturn) {
        this.#afterReturn = false;
        if (text[at] === '\n') {
          if (this.#state === 'quoted') this.#add('\n');
          at++;
          continue;
        }
      }
      const end = this.#state === 'quoted' ? indexOfQuoted(text, at) : indexOfPlain(text, at);
      if (end > at) {
        this.#take(text.slice(at, end));
        at = end;
      }
      if (at < text.length) {
        const record = this.#special(text[at]);
        if (record !== undefined) records.push(record);
        at++;
      }
    }
    return records;
  }

  /** The record at the end of the file, if its last line does not end. */
  end(): CsvRecord | undefined {
    if (this.#state === 'quoted') {
      this.#problem ??= 'the quote that opens here is not closed';
      this.#line = this.#openedAt;
    }
    return this.#isBlank() ? undefined : this.#record();
  }

  #isBlank(): boolean {
    return this.#state === 'start' && this.#cells.length === 0;
  }

  #add(text: string): void {
    this.#cell += text;
    this.#characters += text.length;
    if (this.#characters > MAX_RECORD_CHARACTERS) {
      this.#problem ??= `the record has more than ${MAX_RECORD_CHARACTERS} characters`;
      this.#cell = '';
    }
  }

  #take(text: string): void {
    if (this.#state === 'start') this.#state = 'plain';
    if (this.#state === 'closed') {
      this.#problem ??= 'a closing quote must be followed by a comma or the end of the line';
      this.#state = 'broken';
    }
    this.#add(text);
  }

  /** A comma, a quote or an end of a line. */
  #special(character: string): CsvRecord | undefined {
    if (this.#state === 'quoted') {
      if (character === QUOTE) this.#state = 'closed';
      else {
        this.#add(character);
        this.#countLine(character);
      }
      return undefined;
    }
    if (character === QUOTE) {
      this.#quote();
      return undefined;
    }
    if (character === ',') {
      this.#cells.push(this.#cell);
      this.#cell = '';
      this.#state = 'start';
      return undefined;
    }
    const record = this.#isBlank() ? undefined : this.#record();
    this.#countLine(character);
    return record;
  }

  #quote(): void {
    if (this.#state === 'closed') {
      this.#add(QUOTE);
      this.#state = 'quoted';
    } else if (this.#state === 'start') {
      this.#state = 'quoted';
      this.#openedAt = this.#line;
    } else {
      this.#problem ??= 'a quote inside a cell must be doubled, and the cell in quotes';
      this.#state = 'broken';
    }
  }

  #countLine(character: string): void {
    this.#line++;
    this.#afterReturn = character === '\r';
  }

  #record(): CsvRecord {
    const cells = [...this.#cells, this.#cell];
    const problem = this.#problem ?? this.#widthProblem(cells.length);
    this.#cells = [];
    this.#cell = '';
    this.#state = 'start';
    this.#problem = undefined;
    this.#characters = 0;
    return { line: this.#line, cells, ...(problem !== undefined && { problem }) };
  }

  #widthProblem(cells: number): string | undefined {
    this.#width ??= cells;
    return cells === this.#width ? undefined : `must have ${this.#width} cells like the header, has ${cells}`;
  }
}

function indexOfQuoted(text: string, from: number): number {
  return indexOf(/["\r\n]/g, text, from);
}

function indexOfPlain(text: string, from: number): number {
  return indexOf(/[",\r\n]/g, text, from);
}

function indexOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
