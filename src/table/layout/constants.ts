import * as slice from '../../pools/fixed-pool-layout.js';
import * as bucket from './bucket.js';
import * as heap from './heap.js';
import * as row from './row.js';
import * as segment from './segment.js';
import * as slot from './slot.js';

/**
 * The constants of a table's layouts as plain objects. Code destructures what it needs, which the compiler then treats
 * as constants, whereas an imported constant is loaded from its module at every use. See "Fast code" in CONTRIBUTING.
 */
export const constants = {
  bucket: { ...bucket },
  heap: { ...heap },
  row: { ...row },
  segment: { ...segment },
  slice: { ...slice },
  slot: { ...slot },
};
