import ShmTableCacheHandler from 'shmtable/next';

export default ShmTableCacheHandler.with({ name: 'next-app', bytes: 16 * 2 ** 20, entries: 2_000 });
