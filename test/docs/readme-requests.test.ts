/** The shell executes the requests of the README unchanged; settings of curl direct them to this service. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startService } from '../fixtures/server-process.js';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const [, block = ''] = /```sh\n(B=http[\s\S]*?)```/.exec(README) ?? [];
const lines = block.trimEnd().split('\n');
const commands = lines.filter((line) => line.startsWith('curl '));
/** The response according to the README: the comment below a command. */
const shown = new Map(
  commands.map((command) => [command, /^# (.*)/.exec(lines[lines.indexOf(command) + 1] ?? '')?.[1]]),
);

/** Revisions depend on the time at which a table was created. */
function withoutRevisions(answer: string): unknown {
  return JSON.parse(answer.replace(/[0-9]{16}/g, '0'));
}

t.test('the curl commands of the README return what it says', async (t) => {
  const { service, port } = await startService(t);
  writeFileSync(join(service.folder, '.curlrc'), `connect-to = "127.0.0.1:7070:127.0.0.1:${port}"\n`);
  const env = { ...process.env, CURL_HOME: service.folder };
  t.equal(commands.length, 5);
  const [setting] = lines;
  for (const command of commands) {
    const output = execFileSync('bash', ['-c', `${setting}\n${command} --silent --show-error`], {
      env,
      encoding: 'utf8',
    });
    const expected = shown.get(command);
    if (expected === undefined) t.notMatch(output, 'urn:shmtable:error', command);
    else t.same(withoutRevisions(output), withoutRevisions(expected), command);
  }
});
