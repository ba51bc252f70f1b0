/**
 * Replays a recording of what upstream's own servers answer against this API server, and says group by group how much is the same.
 *
 *     npm run golden                       every recording of single requests, each on a fresh API server
 *     npm run golden -- --only 'reads/'    cases whose id matches
 *     npm run golden -- --play             also the recordings of controllers and the scheduler (minutes)
 *     npm run golden -- --update           writes down which groups are whole now
 *
 * The recording is a folder of its own, named by KUBERNODE_GOLDEN or `../shared/golden` beside the project; without it, or without
 * python3, there is nothing to do. Groups listed in `test/golden-groups.txt` are whole: one that falls back fails the run.
 * `--show N` prints so many differences a file (default 3), `--file REGEX` chooses files, `--jobs N` replays so many at a time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

const LIST = 'test/golden-groups.txt';
const REQUEST_FOLDERS = ['validation', 'writes', 'reads', 'crd', 'cel', 'access'];
const PLAY_FOLDERS = ['loops', 'scheduling'];
const START_MS_MAX = 60_000;
const FILE_SECONDS_MAX = 900;

const words = process.argv.slice(2);
const option = (name, fallback) => { const at = words.indexOf(`--${name}`); return at === -1 ? fallback : words[at + 1]; };
const only = option('only', '');
const show = option('show', '3');
const chosen = new RegExp(option('file', ''));
const root = resolve(process.env.KUBERNODE_GOLDEN ?? join(import.meta.dirname, '../../shared/golden'));

if (!existsSync(join(root, 'golden'))) skip(`there is no recording in ${root}: KUBERNODE_GOLDEN names its folder`);
if (spawnSync('python3', ['--version']).status !== 0) skip('python3 is not installed; on Debian: apt-get install python3');
if (spawnSync(process.execPath, ['tools/build.mjs', '--if-stale'], { stdio: 'inherit' }).status !== 0) process.exit(1);

/** Everything this run started: it ends with it. */
const children = new Set();
const directories = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill('SIGKILL');
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    process.exit(1);
  });
}

/** Group → {passed, failed}. A group is the first two parts of a case's id. */
const groups = new Map();
const failures = [];
// Two recordings need a port of their own, and the player wants the machine for itself: those run one by one.
const ALONE = /access\/(webhooks|audit)\.|^(loops|scheduling)\//;
const all = recordings();
const waiting = all.filter(({ file }) => !ALONE.test(relative(root, file)));
const worker = async () => { for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await replay(next.file, next.tool); };
await Promise.all(Array.from({ length: Number(option('jobs', '3')) }, worker));
for (const { file, tool } of all.filter(({ file: path }) => ALONE.test(relative(root, path)))) await replay(file, tool);
report();

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

function recordings() {
  const filesIn = (folder, tool) => (existsSync(join(root, folder)) ? readdirSync(join(root, folder)).filter((name) => name.endsWith('.jsonl.gz')).sort().map((name) => ({ file: join(root, folder, name), tool })) : []);
  const all = [...REQUEST_FOLDERS.flatMap((folder) => filesIn(folder, 'golden')), ...(words.includes('--play') ? PLAY_FOLDERS.flatMap((folder) => filesIn(folder, 'play')) : [])];
  return all.filter(({ file }) => chosen.test(relative(root, file)));
}

async function replay(file, tool) {
  const startedMs = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-golden-'));
  directories.add(directory);
  const name = relative(root, file);
  const audited = name === join('access', 'audit.jsonl.gz');
  const auditLog = join(directory, 'audit.log');
  const server = await startServer(directory, tool, audited ? ['--audit-policy-file', join(root, 'access', 'audit-policy.yaml'), '--audit-log-path', auditLog] : []);
  try {
    const results = join(directory, 'results.json');
    const { output } = await run('timeout', [String(FILE_SECONDS_MAX), 'python3', join(root, tool), 'compare', '--kubeconfig', join(directory, 'admin.kubeconfig'), '--show', show, '--json', results,
      ...(only === '' ? [] : ['--only', only]), ...(audited ? ['--audit-log', auditLog] : []), file]);
    const cases = existsSync(results) ? readFileSync(results, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)) : [];
    if (cases.length === 0 && only === '') failures.push(`${name}: the tool gave no results\n${output.slice(-2_000)}`);
    for (const one of cases) count(one);
    const failed = cases.filter((one) => !one.same).length;
    if (cases.length > 0) console.log(`${name}: ${cases.length - failed} passed, ${failed} failed (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`);
    if (failed > 0 && Number(show) > 0) console.log(differences(cases));
  } finally {
    server.kill('SIGTERM');
    await new Promise((ended) => { if (server.exitCode !== null) ended(); else server.once('close', ended); });
    rmSync(directory, { recursive: true, force: true });
    directories.delete(directory);
  }
}

function count({ id, same }) {
  const group = id.split('/').slice(0, 2).join('/');
  const counts = groups.get(group) ?? { passed: 0, failed: 0 };
  counts[same ? 'passed' : 'failed']++;
  groups.set(group, counts);
}

function differences(cases) {
  return cases.filter((one) => !one.same).slice(0, Number(show)).map(({ id, differences: found }) =>
    `  ${id}\n${(found ?? []).slice(0, 5).map((line) => `      ${(typeof line === 'string' ? line : JSON.stringify(line)).slice(0, 400)}`).join('\n')}`).join('\n');
}

async function startServer(directory, tool, more) {
  const port = String(await freePort());
  const command = tool === 'golden'
    ? ['apiserver', '--storage', 'memory', '--secure-port', port, ...more]
    : ['server', '--no-node', '--node-ip', '127.0.0.1', '--bind-address', '127.0.0.1', '--storage', 'memory', '--port', port];
  const child = spawn(process.execPath, ['bin/kubernode', ...command, '--data-dir', directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('close', () => children.delete(child));
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { log = (log + chunk).slice(-4_000); });
  const endMs = performance.now() + START_MS_MAX;
  while (!existsSync(join(directory, 'admin.kubeconfig'))) {
    if (child.exitCode !== null || performance.now() > endMs) {
      child.kill('SIGKILL');
      console.error(`the server did not start:\n${log}`);
      process.exit(1);
    }
    await new Promise((done) => { setTimeout(done, 20); });
  }
  return child;
}

function freePort() {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => found(port)); });
  });
}

function run(program, args) {
  return new Promise((ended) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output = (output + chunk).slice(-100_000); });
    child.on('close', (code) => { children.delete(child); ended({ code, output }); });
  });
}

function report() {
  const listed = existsSync(LIST) ? readFileSync(LIST, 'utf8').split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')) : [];
  const names = [...groups.keys()].sort();
  const width = Math.max(0, ...names.map((name) => name.length));
  console.log('');
  for (const name of names) {
    const { passed, failed } = groups.get(name);
    console.log(`${name.padEnd(width)}  ${passed} passed, ${failed} failed`);
  }
  for (const name of listed) if ((groups.get(name)?.failed ?? 0) > 0) failures.push(`${name} was whole (${LIST}) and is no longer: ${groups.get(name).failed} failed; npm run golden -- --only '^${name}/' shows what`);
  if (words.includes('--update')) {
    const whole = names.filter((name) => groups.get(name).failed === 0);
    const kept = [...new Set([...listed.filter((name) => !groups.has(name)), ...whole])].sort();
    writeFileSync(LIST, `# Groups of recorded requests that are answered as upstream answers them, one and all: npm run golden keeps them so.\n${kept.map((name) => `${name}\n`).join('')}`);
    console.log(`${LIST}: ${kept.length} groups`);
  }
  for (const failure of failures) console.error(failure);
  const total = { passed: 0, failed: 0 };
  for (const { passed, failed } of groups.values()) { total.passed += passed; total.failed += failed; }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
