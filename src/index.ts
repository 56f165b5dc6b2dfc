export { type ErrorCode, ShmTableError } from './errors.js';
export { Table } from './table/table.js';
export type {
  BackendName,
  ColumnInput,
  Columns,
  ColumnType,
  ColumnValue,
  Entry,
  Expected,
  LookupOptions,
  NumericColumn,
  OpenOptions,
  Row,
  RowInput,
  ScanOptions,
  ScanPage,
  TableBytes,
  TableInfo,
  TableOptions,
  TableStats,
  Verification,
  WriteOptions,
} from './table/types.js';
