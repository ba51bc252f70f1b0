/** What `/version` says. */

export const KUBERNETES_MINOR = 36;
const PATCH = 2;
export const GIT_VERSION = `v1.${KUBERNETES_MINOR}.${PATCH}+kubernode`;

export interface BuildInfo { readonly gitCommit?: string; readonly buildDate?: string }

export function versionDocument(build: BuildInfo = {}): Record<string, string> {
  return {
    major: '1', minor: String(KUBERNETES_MINOR), emulationMajor: '1', emulationMinor: String(KUBERNETES_MINOR), minCompatibilityMajor: '1', minCompatibilityMinor: String(KUBERNETES_MINOR - 1),
    gitVersion: GIT_VERSION, gitCommit: build.gitCommit ?? '', gitTreeState: 'clean', buildDate: build.buildDate ?? '1970-01-01T00:00:00Z',
    goVersion: `node${process.versions.node}`, compiler: 'v8', platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

