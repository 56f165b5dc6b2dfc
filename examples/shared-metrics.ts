/** Workers count in metrics that they all share, and the primary shows the sums in Prometheus' format. */
import cluster from 'node:cluster';
import { MetricRegistry, Segment } from 'shmtable/pools';

const NAME = `metrics-${cluster.isPrimary ? process.pid : process.ppid}`;
const WORKERS = 3;

function show(registry: MetricRegistry): void {
  for (const metric of registry.entries()) {
    if (metric.kind === 'counter') {
      console.log(metric.name, metric.value);
      continue;
    }
    const { name, bounds, counts, count, sum } = metric;
    let upTo = 0;
    for (const [i, bound] of bounds.entries()) {
      upTo += counts[i];
      console.log(`${name}_bucket{le="${bound}"}`, upTo);
    }
    console.log(`${name}_bucket{le="+Inf"}`, count);
    console.log(`${name}_sum`, sum);
    console.log(`${name}_count`, count);
  }
}

if (cluster.isPrimary) {
  const segment = Segment.create({ name: NAME, size: 1 << 16 }, (made) => MetricRegistry.create(made).close());
  let running = WORKERS;
  for (let i = 0; i < WORKERS; i++) {
    cluster.fork().on('exit', () => {
      if (--running > 0) return;
      show(MetricRegistry.open(segment));
      segment.unlink();
    });
  }
} else {
  const registry = MetricRegistry.open(Segment.open({ name: NAME }));
  const requests = registry.counter('requests_total{status="200"}');
  const seconds = registry.histogram('request_seconds', [0.25, 0.5, 1]);
  for (let i = 0; i < 1000; i++) {
    requests.increment();
    seconds.observe((i % 8) / 4);
  }
  process.kill(process.pid, 'SIGKILL'); // nothing that was counted is lost
}
