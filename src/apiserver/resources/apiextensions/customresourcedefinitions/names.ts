/** The rules of the names that a definition asks for, or was given. */
import type { CustomResourceDefinitionNames } from '#api/generated/apiextensions/v1';
import { dns1035LabelFaults } from '#machinery/names';
import type { Faults } from '../../rules/faults.ts';

export function checkNames(names: Partial<CustomResourceDefinitionNames>, place: string, faults: Faults): void {
  const check = (name: string | undefined, at: string, prefix = ''): void => {
    const texts = name ? dns1035LabelFaults(prefix === '' ? name : name.toLowerCase()) : [];
    if (texts.length > 0) faults.invalid(at, name, prefix + texts.join(','));
  };
  const mixedCase = 'may have mixed case, but should otherwise match: ';
  check(names.plural, `${place}.plural`);
  check(names.singular, `${place}.singular`);
  check(names.kind, `${place}.kind`, mixedCase);
  check(names.listKind, `${place}.listKind`, mixedCase);
  checkList(names.shortNames, `${place}.shortNames`, faults);
  if (names.kind && names.kind === names.listKind) faults.invalid(`${place}.listKind`, names.listKind, 'kind and listKind may not be the same');
  checkList(names.categories, `${place}.categories`, faults);
}

function checkList(names: readonly string[] | undefined, place: string, faults: Faults): void {
  for (const [index, name] of (names ?? []).entries()) {
    const texts = dns1035LabelFaults(name);
    if (texts.length > 0) faults.invalid(`${place}[${index}]`, name, texts.join(','));
  }
}
