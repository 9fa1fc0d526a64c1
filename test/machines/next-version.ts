/** A machine as its next version might be: what a test of migrations needs, and the product has no reason for yet. */
import { createMachine, type AnyStateMachine } from 'xstate'
import type { Json, Migration } from '../../machines/vocabulary.ts'
import { versionOf } from '../../src/kernel/step.ts'

/** The same, one version on, whose context has a further field; what an earlier version has stored gets the same value. */
export function withField(machine: AnyStateMachine, field: string, value: Json): AnyStateMachine {
  const { config, implementations } = machine
  const add: Migration = stored => ({ ...stored, context: { ...stored.context, [field]: value } })
  const { migrations = [] } = (config.meta ?? {}) as { migrations?: Migration[] }
  return createMachine(
    {
      ...config,
      version: String(versionOf(machine) + 1),
      context: { ...(config.context as object), [field]: value },
      meta: { ...config.meta, migrations: [...migrations, add] },
    },
    implementations,
  )
}
