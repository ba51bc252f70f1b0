import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, answerText, linesMatch, parseTranscript } from './transcript.ts';

const TEXT = `# what this is about
## first
$ cat > f <<'X'
> a: b
> X
$ kubectl get pods
NAME   AGE
web    <age>

! Warning: old
[1]

{1.30+} ## second
$~ later
{-1.31} before
{1.32+} after
\\# not a remark
`;

test('a transcript is read for one version', () => {
  const [first, second] = parseTranscript(TEXT, 30);
  assert.equal(first!.steps[0]!.command, "cat > f <<'X'\na: b\nX");
  const { stdout, stderr, code, eventually } = first!.steps[1]!;
  assert.deepEqual([stdout, stderr, code, eventually], [['NAME   AGE', 'web    <age>'], ['Warning: old'], 1, false]);
  assert.deepEqual([second!.title, second!.steps[0]!.stdout, second!.steps[0]!.eventually], ['second', ['before', '# not a remark'], true]);
  assert.deepEqual(parseTranscript(TEXT, 32)[1]!.steps[0]!.stdout, ['after', '# not a remark']);
  assert.equal(parseTranscript(TEXT, 29).length, 1);
  assert.throws(() => parseTranscript('## x\nstray', 30), /line 2: belongs to no command/);
});

for (const [name, expected, lines, matches] of [
  ['the same', ['a', 'b'], ['a', 'b'], true],
  ['a line too many', ['a'], ['a', 'b'], false],
  ['nothing', [], [''], true],
  ['an age', ['web   <age>'], ['web   3m20s'], true],
  ['no age', ['web   <age>'], ['web   soon'], false],
  ['other columns', ['IP     AGE'], ['IP             AGE'], true],
  ['a word less', ['a   b'], ['a b'], false],
  ['another indentation', ['  a'], ['    a'], false],
  ['anything between', ['a', '...', 'z'], ['a', 'b', 'c', 'z'], true],
  ['nothing between', ['a', '...', 'z'], ['a', 'z'], true],
  ['signs of expressions', ['a.b (c)'], ['a-b (c)'], false],
] as const) {
  test(`lines: ${name}`, () => assert.equal(linesMatch(expected, lines), matches));
}

test('an answer is written as it would be expected', () => {
  const answer = { stdout: '# hi\nweb\n', stderr: 'bad\n', code: 3 };
  const text = answerText(answer);
  assert.deepEqual(text, ['\\# hi', 'web', '! bad', '[3]']);
  assert.ok(answers(parseTranscript(['## t', '$ x', ...text].join('\n'), 30)[0]!.steps[0]!, answer));
});

test('what client-go logs of its watches is no part of an answer', () => {
  const [section] = parseTranscript('## t\n$ kubectl delete configmap held --timeout=1s\n! error: timed out\n[1]', 30);
  const log = 'I1123 00:36:31.522186   28246 reflector.go:556] "Warning: watch ended with error" err="context deadline exceeded"';
  const ended = (stderr: string) => answers(section!.steps[0]!, { stdout: '', stderr, code: 1 });
  assert.ok(ended(`${log}\nerror: timed out\n`));
  assert.ok(ended('error: timed out\n'));
  assert.ok(!ended(log));
});
