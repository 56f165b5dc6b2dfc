/** The outcome of a write. Only the first three mean that a row was changed. */
export type Outcome = 'inserted' | 'updated' | 'deleted' | 'absent' | 'present' | 'mismatch';
