/** A namespace's Pod Security policy, as its `pod-security.kubernetes.io/…` labels say; without labels everything is allowed. */
import { invalid, path, type FieldError } from '#machinery/field-error';

export type Level = 'privileged' | 'baseline' | 'restricted';
/** Minor version of v1.x; `latest` is Infinity. */
export interface LevelVersion { readonly level: Level; readonly minor: number }
export interface Policy { readonly enforce: LevelVersion; readonly audit: LevelVersion; readonly warn: LevelVersion }

const LEVELS: readonly Level[] = ['privileged', 'baseline', 'restricted'];
const PREFIX = 'pod-security.kubernetes.io/';
const LATEST = Infinity;
const OPEN: LevelVersion = { level: 'privileged', minor: LATEST };
const VERSION = /^v1\.(0|[1-9][0-9]*)$/;

/** The version a `v1.x` or `latest` names, as text. */
export function levelText({ level, minor }: LevelVersion): string {
  return `${level}:${minor === LATEST ? 'latest' : `v1.${minor}`}`;
}

export function isStricter(a: Level, b: Level): boolean {
  return LEVELS.indexOf(a) > LEVELS.indexOf(b);
}

export function isFullyPrivileged({ enforce, audit, warn }: Policy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === 'privileged');
}

/** Faulty labels are judged restrictively for `enforce`, openly for `audit` and `warn`. */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const read = (mode: string, onError: Level): { value: LevelVersion; level: Level | undefined; hasLevel: boolean; hasVersion: boolean } => {
    const levelLabel = labels?.[PREFIX + mode];
    const versionLabel = labels?.[`${PREFIX}${mode}-version`];
    const fail = (key: string, value: string, text: string): void => { errors.push(invalid(path('metadata', 'labels').key(PREFIX + key), value, text)); };
    const known = LEVELS.find((each) => each === levelLabel);
    if (levelLabel !== undefined && known === undefined) fail(mode, levelLabel, `must be one of ${LEVELS.join(', ')}`);
    let minor = LATEST;
    if (versionLabel !== undefined && versionLabel !== 'latest') {
      const match = VERSION.exec(versionLabel);
      if (match === null) fail(`${mode}-version`, versionLabel, 'must be "latest" or "v1.x"');
      else minor = Number(match[1]);
    }
    const level = levelLabel === undefined ? OPEN.level : known ?? onError;
    return { value: { level, minor }, level: known, hasLevel: levelLabel !== undefined, hasVersion: versionLabel !== undefined };
  };
  const enforce = read('enforce', 'restricted');
  const audit = read('audit', 'privileged');
  const warn = read('warn', 'privileged');
  let warning = warn.value;
  if (!warn.hasLevel && enforce.level !== undefined && isStricter(enforce.level, warning.level)) {
    warning = { level: enforce.level, minor: warn.hasVersion ? warning.minor : enforce.value.minor };
  }
  return { policy: { enforce: enforce.value, audit: audit.value, warn: warning }, errors };
}
