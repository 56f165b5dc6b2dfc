/**
 * Examines the processes of a stuck test, and removes what they leave behind: for `run-tests.js`.
 *
 * A JavaScript stack comes from the inspector, which SIGUSR1 starts in a separate thread and which interrupts any loop.
 * A diagnostic report on a signal would not work, because its handler is JavaScript in the event loop that is stuck. If
 * the inspector does not answer, the process is inside the system or the addon: the kernel's state and gdb, if it is
 * installed, show where.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Maximum time that the inspector of a process may take to reply. */
const ANSWER_MS = 3_000;
const LOOK_MS = 20;
const MAX_FRAMES = 20;
const SIGUSR1 = 10;
/** Segments are files in these folders; a System V segment has a small file that names it. */
const FOLDERS = ['/dev/shm', tmpdir()];

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The process ids of a process group, in ascending order. */
export function processesOf(group) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) =>
        read(`/proc/${pid}/stat`)
          .replace(/^.*\) /s, '')
          .split(' ')[2] === String(group),
    )
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * A few lines for each process: its command, the kernel's state of its first thread, and its stack. Each is killed
 * after it was examined, the oldest last, because there is only one port for inspectors. Until its turn it is stopped,
 * so that its stack shows where it was when the time limit was reached.
 */
export async function describeAndKill(pids) {
  const texts = pids.map(describeByKernel);
  for (const pid of pids) signal(pid, 'SIGSTOP');
  for (let i = pids.length - 1; i >= 0; i--) {
    signal(pids[i], 'SIGCONT');
    const stack = (await scriptStack(pids[i])) ?? (await nativeStack(pids[i]));
    texts[i] = [texts[i], ...stack].join('\n    ');
    await kill(pids[i]);
  }
  return texts.join('\n');
}

/** Ends a process; resolves when its sockets are closed. */
async function kill(pid) {
  signal(pid, 'SIGKILL');
  const isAlive = () => /^State:\s*[^Z]/m.test(read(`/proc/${pid}/status`));
  for (const deadline = Date.now() + ANSWER_MS; isAlive() && Date.now() < deadline; ) await sleep(LOOK_MS);
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

function describeByKernel(pid) {
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  const state = /^State:\s*(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 'gone';
  const waits = `waits in ${read(`/proc/${pid}/wchan`).trim() || '?'}, system call ${read(`/proc/${pid}/syscall`).trim() || '?'}`;
  return `process ${pid}: ${command}\n    ${state}, ${waits}`;
}

// ---- by the inspector ----

function catchesSignal(pid, signal) {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & (1n << BigInt(signal - 1))) !== 0n;
}

function isNode(pid) {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('node');
  } catch {
    return false;
  }
}

/** Lines of the JavaScript stack; undefined when the process has none or does not answer. */
async function scriptStack(pid) {
  if (!isNode(pid) || !catchesSignal(pid, SIGUSR1)) return undefined;
  const before = listeningPorts(pid);
  try {
    process.kill(pid, SIGUSR1);
    for (const deadline = Date.now() + ANSWER_MS; Date.now() < deadline; ) {
      await sleep(LOOK_MS);
      for (const port of listeningPorts(pid)) {
        if (before.has(port)) continue;
        const path = await debuggerPath(port);
        const frames = path && (await pausedFrames(port, path));
        if (frames) return frames;
      }
    }
  } catch {
    // It has ended meanwhile.
  }
  return undefined;
}

/** Ports on which a process listens, by its open sockets. */
function listeningPorts(pid) {
  const inodes = new Set();
  try {
    for (const number of readdirSync(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${number}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  } catch {
    // A descriptor that was closed, or the process has ended.
  }
  const ports = new Set();
  for (const line of read(`/proc/${pid}/net/tcp`).split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === '0A' && inodes.has(inode)) ports.add(Number.parseInt(local.split(':')[1], 16));
  }
  return ports;
}

function debuggerPath(port) {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/json/list', timeout: ANSWER_MS }, async (response) => {
      let text = '';
      for await (const bytes of response) text += bytes;
      resolve(new URL(JSON.parse(text)[0].webSocketDebuggerUrl).pathname);
    })
      .on('error', () => resolve(undefined))
      .on('timeout', () => resolve(undefined));
  });
}

/** Pauses the process and resolves to its position; undefined if it does not answer. */
function pausedFrames(port, path) {
  return new Promise((resolve) => {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    };
    const upgrade = request({ host: '127.0.0.1', port, path, headers });
    const timer = setTimeout(() => finish(undefined), ANSWER_MS);
    let socket;
    const finish = (frames) => {
      clearTimeout(timer);
      upgrade.destroy();
      socket?.destroy();
      resolve(frames);
    };
    const urls = new Map();
    upgrade.on('error', () => finish(undefined));
    upgrade.on('upgrade', (_response, upgraded, head) => {
      socket = upgraded;
      socket.on('error', () => finish(undefined));
      const receive = messageReader(({ method, params }) => {
        if (method === 'Debugger.scriptParsed') urls.set(params.scriptId, params.url);
        if (method !== 'Debugger.paused') return;
        finish(params.callFrames.slice(0, MAX_FRAMES).map((frame) => describeFrame(frame, urls)));
      });
      socket.on('data', receive);
      receive(head);
      socket.write(messageFrame({ id: 1, method: 'Debugger.enable' }));
      socket.write(messageFrame({ id: 2, method: 'Debugger.pause' }));
    });
    upgrade.end();
  });
}

function describeFrame({ functionName, location }, urls) {
  return `at ${functionName || '(anonymous)'} (${urls.get(location.scriptId) || '?'}:${location.lineNumber + 1})`;
}

/** A short WebSocket text message of a client, masked with zeros. */
function messageFrame(message) {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
}

/** Receives the bytes of a server's unmasked WebSocket messages, and passes on each complete message. */
function messageReader(take) {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 2) {
      const short = rest[1] & 0x7f;
      const start = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (rest.length < start) return;
      const length = short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short;
      if (rest.length < start + length) return;
      const isText = (rest[0] & 0x0f) === 1;
      const text = rest.toString('utf8', start, start + length);
      rest = rest.subarray(start + length);
      if (isText) take(JSON.parse(text));
    }
  };
}

// ---- by gdb ----

async function nativeStack(pid) {
  try {
    const options = { timeout: 20_000, killSignal: 'SIGKILL' };
    const { stdout } = await promisify(execFile)('gdb', ['-p', String(pid), '-batch', '-ex', 'bt 20'], options);
    return stdout.split('\n').filter((line) => line.startsWith('#'));
  } catch {
    return ['(no JavaScript stack, and no gdb to show the native one)'];
  }
}

// ---- segments left behind ----

/** The files that may be segments. */
export function segmentFiles() {
  return FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
}

/**
 * Removes the segments that ended processes have left: those that did not exist `before` and have one of their process
 * ids in the name, as all names of tests do. Returns their names.
 */
export async function removeSegments(pids, before) {
  const known = new Set(before);
  const owned = new RegExp(`shmtable.*\\D(?:${pids.join('|')})(?:\\D|$)`);
  const left = segmentFiles().filter((path) => !known.has(path) && owned.test(basename(path)));
  for (const path of left) {
    const id = basename(path).startsWith('.shmtable-sysv:') ? /"id":(\d+)/.exec(read(path))?.[1] : undefined;
    if (id !== undefined) await promisify(execFile)('ipcrm', ['--shmem-id', id]).catch(() => {});
    rmSync(path, { recursive: true, force: true });
  }
  return left;
}

/** The segments that did not exist `before` and whose test's process, whose id is in the name, has ended. */
export function segmentsOfEndedTests(before) {
  const known = new Set(before);
  return segmentFiles().filter((path) => {
    const pid = /shmtable.*\btest-(\d+)(?!\w)/.exec(basename(path))?.[1];
    return pid !== undefined && !known.has(path) && !existsSync(`/proc/${pid}`);
  });
}
