import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../src/server/settings/load-settings.js';
import { parseTableFlags } from '../../src/server/settings/table-flag.js';
import { TOKENS } from '../fixtures/access-tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'shmtable-settings-'));
t.teardown(() => rmSync(folder, { recursive: true }));

const GOOD = { capacity: 1, columns: { n: 'int32' } };

function fileOf(content: unknown): string {
  const file = join(folder, 'config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

t.test('an error names every invalid setting', async (t) => {
  const refused: [unknown, RegExp][] = [
    ['{', /is not JSON/],
    [[], /settings must be object/],
    [{ prot: 1 }, /unknown setting prot/],
    [{ limits: { bodyByte: 1 } }, /unknown setting limits\.bodyByte/],
    [{ tables: { a: { capacity: 1, columns: {}, evictt: 1 } } }, /unknown setting tables\.a\.evictt/],
    [{ port: '7070' }, /port must be integer, got "7070"/],
    [{ port: 70_000 }, /port .*65535, got 70000/],
    [{ workers: 0 }, /workers .*1, got 0/],
    [{ tables: { a: { columns: {} } } }, /tables\.a .*capacity/],
    [{ tables: { '-a': { capacity: 1, columns: {} } } }, /-a/],
    [{ logLevel: 'loud' }, /logLevel .*got "loud"/],
    [{ tokens: [] }, /tokens must not have fewer than 1 items/],
    [{ tokens: [{ name: 'a', sha256: 'secret', scope: 'read' }] }, /tokens\.0\.sha256 must match pattern .*[^t]$/],
    [{ tokens: [{ ...TOKENS[0], scope: 'root' }] }, /tokens\.0\.scope/],
    [{ tokens: [{ ...TOKENS[0], secret: 'x' }] }, /unknown setting tokens\.0\.secret/],
    [{ tokens: [TOKENS[0], { ...TOKENS[0], name: 'b' }] }, /tokens reader and b have the same sha256/],
    [{ tokens: TOKENS, tokensFile: 'x' }, /tokens and tokensFile are both set/],
    [{ tokensFile: 'missing-tokens.json' }, /missing-tokens\.json/],
    [{ cors: { origin: '*' } }, /cors\.origin must name origins without tokens, got \*/],
    [{ cors: { origin: 'app.example' } }, /cors\.origin .*got "app\.example"/],
    [{ cors: {} }, /cors .*origin/],
    [{ rateLimit: { windowMs: 5 } }, /rateLimit\.windowMs is set, but rateLimit\.max is not/],
    [{ rateLimit: { max: 0 } }, /rateLimit\.max .*got 0/],
    [{ tls: { key: 'x' } }, /tls\.key is set, but tls\.cert is not/],
    [{ host: '0.0.0.0' }, /host must be 127\.0\.0\.1, ::1 or localhost without tokens, got 0\.0\.0\.0/],
  ];
  for (const [content, message] of refused) {
    t.throws(() => loadSettings(fileOf(content), {}, {}), { code: 'ERR_ARGUMENT', message }, String(message));
  }
  for (const [content, messages] of [
    [{ tables: { good: GOOD, bad: { ...GOOD, capacity: 0 } } }, ['tables.bad.capacity must be >= 1, got 0']],
    [{ tables: { bad: { ...GOOD, chagnes: 1 }, good: GOOD } }, ['unknown setting tables.bad.chagnes']],
    [{ tables: { bad: 5 } }, ['tables.bad must be object, got 5']],
    [{ tables: { 'a~/b': GOOD } }, ['tables.a~/b is not a valid table name']],
    [{ tables: { bad: { ...GOOD, columns: { 'n~/m': 5 } } } }, ['tables.bad.columns.n~/m must be string, got 5']],
    [{ 'a~b': 1, limits: { 'c/d': 2 } }, ['unknown setting a~b', 'unknown setting limits.c/d']],
    [{ port: 'x', tables: { bad: { ...GOOD, evict: 'x' } } }, ['port must be', 'tables.bad.evict must be']],
  ] as const) {
    const file = fileOf(content);
    t.throws(() => loadSettings(file, {}, {}), { code: 'ERR_ARGUMENT' });
    try {
      loadSettings(file, {}, {});
    } catch (error) {
      const said = String(error)
        .replace(/^.*json: /, '')
        .split('; ')
        .sort();
      t.match(said, messages.toSorted(), 'each invalid setting is named');
      t.equal(said.length, messages.length, 'and no other');
    }
  }
  t.throws(() => loadSettings(fileOf({ tables: { good: GOOD, bad: { ...GOOD, columns: { n: 'int33' } } } }), {}, {}), {
    code: 'ERR_ARGUMENT',
    message: /^tables\.bad: column n: "int33"/,
  });
  t.throws(() => loadSettings(join(folder, 'missing.json'), {}, {}), {
    code: 'ERR_ARGUMENT',
    message: /missing\.json/,
  });
  const none = fileOf({});
  t.throws(() => loadSettings(none, { SHMTABLE_PORT: 'x' }, {}), {
    message: /SHMTABLE_PORT must be an integer, got "x"/,
  });
  t.throws(() => loadSettings(none, { SHMTABLE_TABLES: '{' }, {}), { message: /SHMTABLE_TABLES is not JSON/ });
  t.throws(() => loadSettings(none, {}, { port: -1 }), { message: /flags: port/ });
  t.throws(() => loadSettings(none, {}, { host: 'example.com' }), { message: /got example\.com/ });
});

t.test('a table in a cluster has settings of its own; wrong ones are named, and no secret is shown', async (t) => {
  const cluster = { nodes: ['redis://:hunter2@127.0.0.1:1'], username: 'u', password: 'hunter2' };
  const good = { columns: { n: 'int32' }, cluster, near: { capacity: 10 } };
  const { settings } = loadSettings(fileOf({ tables: { a: good, b: { ...good, near: false } } }), {}, {});
  t.same(settings.tables, { a: good, b: { ...good, near: false } });
  const refused: [object, RegExp[]][] = [
    [{ capacity: 5 }, [/tables\.a\.capacity is not a setting of a table in a cluster: .*near\.capacity/]],
    [{ evict: 'lru' }, [/tables\.a\.evict is not a setting .*maxmemory-policy/]],
    [{ changes: 4096, heap: 8192 }, [/tables\.a\.changes is not .*feed/, /tables\.a\.heap is not .*servers/]],
    [{ capacty: 5 }, [/unknown setting tables\.a\.capacty/]],
    [{ near: { evict: 'lru', capacity: 0 } }, [/unknown setting tables\.a\.near\.evict/, /near\.capacity .*got 0/]],
    [{ near: {} }, [/tables\.a\.near .*capacity/]],
    [{ near: true }, [/tables\.a\.near must be .*got true/]],
    [{ near: { capacity: 1, maxStaleMs: 1 } }, [/tables\.a\.near\.maxStaleMs .*50, got 1/]],
    [{ near: { capacity: 1, maxParticipants: 2 } }, [/tables\.a: near\.maxParticipants must be at least/]],
    [{ near: { capacity: 1, heap: 8192 } }, [/tables\.a: .*heap/]],
    [{ cluster: {} }, [/tables\.a\.cluster .*nodes/]],
    [{ cluster: { nodes: [] } }, [/tables\.a\.cluster\.nodes must not have fewer than 1 items/]],
    [{ cluster: 'redis://:hunter2@h' }, [/tables\.a\.cluster must be object/]],
    [{ cluster: { ...cluster, nodes: ['http://hunter2'] } }, [/tables\.a\.cluster\.nodes\.0 must match/]],
    [{ cluster: { ...cluster, nodes: ['redis://hunter2/9'] } }, [/tables\.a: cluster\.nodes\[0\] must have the form/]],
    [{ cluster: { ...cluster, password: ['hunter2'] } }, [/tables\.a\.cluster\.password must be string/]],
    [{ cluster: { ...cluster, timeoutMs: 1 } }, [/tables\.a\.cluster\.timeoutMs .*10, got 1/]],
    [{ cluster: { ...cluster, pasword: 'x' } }, [/unknown setting tables\.a\.cluster\.pasword/]],
    [{ cluster: { ...cluster, tls: {} } }, [/tables\.a: cluster\.tls is for nodes of the form rediss/]],
    [{ cluster: { ...cluster, tls: { ca: '/missing.pem' } } }, [/tables\.a: cluster\.tls\.ca \/missing\.pem/]],
    [{ columns: { n: 'int33' } }, [/tables\.a: column n: "int33"/]],
    [{ columns: { revision: 'int32' } }, [/tables\.a: .*revision/]],
  ];
  for (const [wrong, messages] of refused) {
    try {
      loadSettings(fileOf({ tables: { a: { ...good, ...wrong } } }), {}, {});
      t.fail(`accepted ${JSON.stringify(wrong)}`);
    } catch (error) {
      const said = String(error);
      for (const message of messages) t.match(said, message);
      t.equal(said.match(/tables\.a\b/g)?.length, messages.length, 'and no other');
      t.notMatch(said, /hunter2/);
    }
  }
  t.throws(() => loadSettings(fileOf({}), { SHMTABLE_TABLES: '{"hunter2' }, {}), {
    message: 'environment: SHMTABLE_TABLES is not JSON',
  });
});

t.test('flags take precedence over the environment, and the environment over the file', async (t) => {
  const file = fileOf({
    $schema: 'x',
    port: 1,
    workers: 1,
    namespace: 'n',
    limits: { bodyBytes: 5 },
    logLevel: 'warn',
  });
  const environment = {
    SHMTABLE_PORT: '2',
    SHMTABLE_WORKERS: '2',
    SHMTABLE_LIMITS_REQUEST_TIMEOUT_MS: '9',
    SHMTABLE_SOCKET: '',
    SHMTABLE_PRINT_CODE: '1',
    PATH: '/',
  };
  const { settings, warnings } = loadSettings(file, environment, { port: 3 });
  t.match(settings, {
    host: '127.0.0.1',
    port: 3,
    workers: 2,
    namespace: 'n',
    logLevel: 'warn',
    limits: { bodyBytes: 5, requestTimeoutMs: 9 },
    tables: {},
    socket: undefined,
  });
  t.same(warnings, []);
});

t.test('an unknown variable only causes a warning', async (t) => {
  const environment = { SHMTABLE_PORT: 'tcp://10.0.0.1:7070', SHMTABLE_SERVICE_HOST: '10.0.0.1' };
  const { settings, warnings } = loadSettings(fileOf({}), environment, {});
  t.equal(settings.port, 7070);
  t.match(warnings, [/SHMTABLE_PORT=tcp:/, /SHMTABLE_SERVICE_HOST/]);
});

t.test('with tokens, even from the environment, other addresses are allowed', async (t) => {
  const none = fileOf({});
  const given = loadSettings(none, { SHMTABLE_TOKENS: JSON.stringify(TOKENS) }, { host: '0.0.0.0' });
  t.same(given.settings.tokens, TOKENS);
  writeFileSync(join(folder, 'tokens.json'), JSON.stringify(TOKENS));
  const environment = { SHMTABLE_TOKENS_FILE: join(folder, 'tokens.json') };
  t.equal(loadSettings(none, environment, { host: '::' }).settings.host, '::');
  t.throws(() => loadSettings(none, { SHMTABLE_TOKENS: 'secret' }, {}), {
    message: 'environment: SHMTABLE_TOKENS is not JSON',
  });
});

t.test('--table flags describe tables', async (t) => {
  t.same(parseTableFlags(['a:10:n=int32,s=string(5)', 'b:5:x=bytes(3)', 'c:9:j=json(40),t=text:heap=8192']), {
    a: { capacity: 10, columns: { n: 'int32', s: 'string(5)' } },
    b: { capacity: 5, columns: { x: 'bytes(3)' } },
    c: { capacity: 9, columns: { j: 'json(40)', t: 'text' }, heap: 8192 },
  });
  for (const flag of [
    'a',
    'a:10',
    'a:10:',
    'a:10:n',
    'a:10:n=int32:x',
    'a:10:t=text:heap=',
    'a:10:t=text:heap=1k',
    'a:10:t=text:heap=1:',
    'a:10:t=text:heap',
    'a:x:n=int32',
    'a:10:n=int32,n=int8',
  ]) {
    t.throws(() => parseTableFlags([flag]), { code: 'ERR_ARGUMENT' }, flag);
  }
  t.throws(() => parseTableFlags(['a:10:n=int7']), { code: 'ERR_SCHEMA_INVALID' }, 'an invalid type');
});
