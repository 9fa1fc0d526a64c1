/**
 * The one place where a type is claimed and not proven: for what other people's types do not say (members of Node's own
 * objects that it does not declare, two declarations of one backend that differ in a detail). Whoever uses it says why.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the claim is the purpose
export const claim = <T>(value: unknown): T => value as T
