/** Keys and texts as a person can read them. */

/** Control and format characters, unassigned ones, separators of lines; and blanks, which nobody sees at an end. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|^\s|\s$/gu;

/** A key as a person can read it: what cannot be seen is written as an escape, and a backslash twice if there is one. */
export function shownKey(key: string): string {
  if (key.search(UNSEEN) < 0) return key;
  return key
    .replaceAll('\\', '\\\\')
    .replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16).toUpperCase()}}`);
}
