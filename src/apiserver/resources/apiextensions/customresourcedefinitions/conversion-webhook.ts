/** The rules of how a definition's versions become each other. */
import type { CustomResourceConversion } from '#api/generated/apiextensions/v1';
import { dns1035LabelFaults } from '#machinery/names';
import { authorityBundleFault } from '../../rules/authority-bundle.ts';
import type { Faults } from '../../rules/faults.ts';
import { checkClientAddress } from '../../rules/webhook-client.ts';

const REVIEW_VERSIONS = ['v1', 'v1beta1'];

export interface ConversionRules {
  readonly knownReviewVersion: boolean;
  readonly anyAuthorityBundle: boolean;
}

export function hasKnownReviewVersion(versions: readonly string[] | undefined): boolean {
  return (versions ?? []).length === 0 || versions!.some((version) => REVIEW_VERSIONS.includes(version));
}

export function checkConversion(conversion: CustomResourceConversion | undefined, rules: ConversionRules, faults: Faults): void {
  if (!conversion) return;
  const place = 'spec.conversion';
  faults.oneOf(`${place}.strategy`, conversion.strategy, ['None', 'Webhook']);
  const client = conversion.webhook?.clientConfig;
  const versions = conversion.webhook?.conversionReviewVersions;
  if (conversion.strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook';
    if (client) faults.forbidden(`${place}.webhookClientConfig`, text);
    if (versions?.length) faults.forbidden(`${place}.conversionReviewVersions`, text);
    return;
  }
  if (client) {
    checkClientAddress(client, `${place}.webhookClientConfig`, faults);
    const fault = client.caBundle && !rules.anyAuthorityBundle ? authorityBundleFault(client.caBundle) : undefined;
    if (fault) faults.invalid(`${place}.webhookClientConfig.caBundle`, client.caBundle, fault);
  } else {
    faults.required(`${place}.webhookClientConfig`, 'required when strategy is set to Webhook');
  }
  checkReviewVersions(versions ?? [], rules.knownReviewVersion, `${place}.conversionReviewVersions`, faults);
}

function checkReviewVersions(versions: readonly string[], wantsKnown: boolean, place: string, faults: Faults): void {
  if (versions.length === 0) return faults.required(place);
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) faults.invalid(`${place}[${index}]`, version, 'duplicate version');
    else faults.invalidAll(`${place}[${index}]`, version, dns1035LabelFaults(version));
  }
  if (wantsKnown && !hasKnownReviewVersion(versions)) faults.invalid(place, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
}
