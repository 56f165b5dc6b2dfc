import { MetricRegistry } from '../../src/pools/index.js';
import type { PoolSubject } from './pool-subject.js';

const BYTES = 1 << 16;
/** Upper bounds in seconds, like those of a service. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Increments a counter that all processes share. */
export const metricCounter: PoolSubject = {
  name: 'MetricRegistry, increment',
  bytes: BYTES,
  times: 20,
  create(segment) {
    MetricRegistry.create(segment).close();
  },
  open(segment) {
    const counter = MetricRegistry.open(segment).counter('requests');
    return (operations) => {
      for (let i = 0; i < operations; i++) counter.increment();
    };
  },
};

/** Observes a value in a histogram that all processes share. */
export const metricHistogram: PoolSubject = {
  ...metricCounter,
  name: `MetricRegistry, observe with ${BOUNDS.length} bounds`,
  open(segment) {
    const histogram = MetricRegistry.open(segment).histogram('seconds', BOUNDS);
    return (operations) => {
      for (let i = 0; i < operations; i++) histogram.observe((i & 1023) / 1000);
    };
  },
};
