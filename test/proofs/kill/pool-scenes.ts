import type { Subject } from '../subject.js';
import { fixedPoolScenes } from './fixed-pool-scenes.js';
import { globalPoolScenes } from './global-pool-scenes.js';
import type { PoolScene } from './kill-pool.js';
import { metricScenes } from './metric-scenes.js';
import { ringScenes } from './ring-scenes.js';

/** Every operation of every pool, to be killed. */
export function poolScenes(subject: Subject): PoolScene[] {
  return [fixedPoolScenes, ringScenes, globalPoolScenes, metricScenes].flatMap((scenes) => scenes(subject));
}
