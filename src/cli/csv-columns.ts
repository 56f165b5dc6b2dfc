/** Columns of a CSV file that are no columns of the table, where the command is not told their names. */
export const CSV_COLUMNS = { key: 'key', expires: 'expiresAt' } as const;
