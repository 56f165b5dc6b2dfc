/** Default names of the columns of a CSV file that are not columns of the table. */
export const CSV_COLUMNS = { key: 'key', expires: 'expiresAt' } as const;
