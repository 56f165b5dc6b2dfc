/** How commands print: JSON for programs, aligned text for people. */

/** Prints a value as JSON; bigints as decimal strings, as the service writes them. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member), 2);
  process.stdout.write(`${text}\n`);
}

/** Prints lines of cells in aligned columns. */
export function printTable(lines: readonly (readonly string[])[]): void {
  for (const line of alignedLines(lines)) process.stdout.write(`${line}\n`);
}

/** Lines of cells as text, in aligned columns. */
export function alignedLines(lines: readonly (readonly string[])[]): string[] {
  const widths = lines.reduce<number[]>((most, line) => line.map((cell, i) => Math.max(most[i] ?? 0, cell.length)), []);
  return lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
}
