/** The files in deploy/: they agree with the service, and the programs that read them accept them. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { checkSettings } from '../../src/server/settings/check-settings.js';
import { readEnvironment } from '../../src/server/settings/settings-environment.js';
import { eventually } from '../fixtures/deadline.js';
import type { JsonValue } from '../fixtures/http-client.js';
import { PrometheusText } from '../fixtures/prometheus-text.js';
import { startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';

const run = promisify(execFile);

function fileOf(name: string): string {
  return readFileSync(new URL(`../../../deploy/${name}`, import.meta.url), 'utf8');
}

t.test('alerts and dashboard use only metrics and labels that exist', async (t) => {
  const { send } = await startApp(t, { snapshots: { dir: t.testdir() } });
  await send('PUT', '/v1/tables/heaped', { json: { capacity: 10, columns: { data: 'json' }, heap: 65_536 } });
  await send('POST', '/v1/tables/t/snapshot');
  await send('GET', '/metrics');
  const { text } = await send('GET', '/metrics');
  const rules: JsonValue = parse(fileOf('prometheus/alerts.yaml'));
  const dashboard: JsonValue = JSON.parse(fileOf('grafana/shmtable.json'));
  const expressions = [
    ...rules.groups.flatMap(({ rules }: JsonValue) => rules.map(({ expr }: JsonValue) => expr)),
    ...dashboard.panels.flatMap(({ targets }: JsonValue) => targets.map(({ expr }: JsonValue) => expr)),
    ...dashboard.templating.list.map(({ query }: JsonValue) => query),
  ];
  t.ok(expressions.length > 25);
  const names = new Set(
    expressions.flatMap((text: string) => text.match(/\b(shmtable|process|nodejs)_[a-z_]+/g) ?? []),
  );
  const { types } = new PrometheusText(text);
  for (const name of names) t.ok(types.has(name.replace(/_bucket$/, '')), name);
  const labels = new Set(
    expressions.flatMap((text: string) => [...text.matchAll(/([a-z]+)=~?"/g)].map(([, name]) => name)),
  );
  // Prometheus itself adds these.
  for (const name of labels) if (name !== 'job' && name !== 'instance') t.match(text, `${name}="`, `label ${name}`);
  const ids = dashboard.panels.map(({ id }: JsonValue) => id);
  t.equal(new Set(ids).size, ids.length, 'panel ids are unique');
});

const skip = spawnSync('promtool', ['--version']).error === undefined ? false : 'NO PROMTOOL: install prometheus';

t.test('Prometheus accepts the alerts, their tests, its settings and the metrics', { skip }, async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'token'), 'secret');
  for (const name of ['alerts.yaml', 'alerts.test.yaml'])
    writeFileSync(join(folder, name), fileOf(`prometheus/${name}`));
  const scrape = fileOf('prometheus/scrape.yaml').replace('/etc/prometheus/shmtable.token', join(folder, 'token'));
  writeFileSync(join(folder, 'prometheus.yml'), scrape);
  const { send } = await startApp(t);
  await send('GET', '/metrics');
  writeFileSync(join(folder, 'metrics'), (await send('GET', '/metrics')).text);
  for (const command of [
    'promtool check rules --lint-fatal alerts.yaml',
    'promtool test rules alerts.test.yaml',
    'promtool check config --lint-fatal prometheus.yml',
    'promtool check metrics < metrics',
  ]) {
    const { failure, output } = await run('sh', ['-c', command], { cwd: folder }).then(
      ({ stdout }) => ({ failure: '', output: stdout }),
      (error) => ({ failure: `${error.stdout}${error.stderr}`, output: '' }),
    );
    t.equal(failure, '', `${command} ${output}`);
  }
});

t.test('the manifests for Kubernetes agree with each other and with the service', async (t) => {
  const documents = parseAllDocuments(fileOf('kubernetes/shmtable.yaml'), { strict: true });
  const byKind = new Map(documents.map((document) => [document.toJS().kind, document.toJS()]));
  t.same(
    documents.flatMap(({ errors }) => errors),
    [],
  );
  const settings = checkSettings('the ConfigMap', JSON.parse(byKind.get('ConfigMap').data['shmtable.config.json']));
  const { spec } = byKind.get('StatefulSet');
  const { containers, volumes } = spec.template.spec;
  const [{ volumeMounts, ports, args, startupProbe, readinessProbe, livenessProbe }] = containers;
  const places = new Map<string, string>(volumeMounts.map(({ name, mountPath }: JsonValue) => [mountPath, name]));
  const declared = [...volumes, ...spec.volumeClaimTemplates.map(({ metadata }: JsonValue) => metadata)];
  t.same([...places.values()].sort(), declared.map(({ name }: JsonValue) => name).sort(), 'every volume is mounted');
  t.equal(places.get('/dev/shm'), 'shm');
  for (const path of [settings.tokensFile, settings.snapshots?.dir, args[1]]) {
    t.ok(
      [...places.keys()].some((place) => String(path).startsWith(place)),
      `${path} is in a volume`,
    );
  }
  t.same(ports, [{ name: 'http', containerPort: 7070 }]);
  t.match(byKind.get('Service').spec.ports, [{ port: 7070, targetPort: 'http' }]);
  const labels = spec.template.metadata.labels;
  t.same([spec.selector.matchLabels, byKind.get('Service').spec.selector], [labels, labels]);
  const { send } = await startApp(t);
  for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
    t.equal((await send('GET', httpGet.path)).status, 200, httpGet.path);
  }
});

t.test('the image has valid settings and knows whether the service is ready', async (t) => {
  const file = fileOf('docker/Dockerfile').replaceAll('\\\n', ' ');
  const [, variables = ''] = /^ENV (.*SHMTABLE.*)$/m.exec(file) ?? [];
  const environment = Object.fromEntries(
    variables
      .trim()
      .split(/\s+/)
      .map((each) => each.split('=')),
  );
  const { settings, warnings } = readEnvironment(environment);
  t.same(warnings, []);
  t.match(settings, { host: '0.0.0.0', tokensFile: String, snapshots: { dir: '/var/lib/shmtable' } });
  t.match(file, /^USER node$/m);
  const [, check = ''] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(file) ?? [];
  const [program, ...args] = JSON.parse(check);
  t.equal(program, 'node');
  const { port } = await startApp(t);
  const at = (where: number) => args.map((text: string) => text.replace('7070', String(where)));
  await run(process.execPath, at(port));
  await t.rejects(run(process.execPath, at(1)), { code: 1 }, 'nothing listens there');
});

t.test('systemd accepts the unit', async (t) => {
  const unit = fileOf('systemd/shmtable.service');
  t.match(unit, /^Type=notify\nNotifyAccess=all$/m);
  const path = join(t.testdir(), 'shmtable.service');
  writeFileSync(path, unit.replace('/usr/bin/shmtable', process.execPath));
  const { stderr } = await run('systemd-analyze', ['verify', path]).catch((error) => {
    if (error.code === 'ENOENT') return { stderr: '' };
    throw error;
  });
  t.equal(stderr, '');
});

t.test('systemd is told when the service is ready and when it stops', async (t) => {
  const folder = t.testdir();
  const told = join(folder, 'told');
  writeFileSync(join(folder, 'systemd-notify'), '#!/bin/sh\necho "$@" >> "$TOLD"\n', { mode: 0o755 });
  const { service } = await startService(t, {
    env: { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: join(folder, 'socket'), TOLD: told },
  });
  const lines = () => readFileSync(told, { encoding: 'utf8', flag: 'a+' }).trim().split('\n');
  await eventually('readiness', () => lines().includes('READY=1'));
  service.signal('SIGTERM');
  t.equal(await service.ended, 0);
  await eventually('the end', () => lines().includes('STOPPING=1'));
  t.same(lines(), ['READY=1', 'STOPPING=1']);
});
