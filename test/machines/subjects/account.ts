import { account } from '../../../machines/account.ts'
import { at, happened, to, type Subject } from '../table.ts'

const opened = { chain: 'litecoin', index: 0, address: 'rltc1q', windowMs: 0 }
const seen = { sequence: 7, hash: 'h7' }
const retryAt = at + 5000

export const accountSubject: Subject = {
  machine: account,
  id: 'account/litecoin:0',
  events: {
    'account.opened': happened('account.opened', opened),
    'account.opened with a batch window': happened('account.opened', { ...opened, windowMs: 1000 }),
    'withdrawal.queued': happened('withdrawal.queued'),
    'funds.arrived': happened('funds.arrived'),
    'plan.made': happened('plan.made', { reason: null, retryAt: null }),
    'plan.made and more waits': happened('plan.made', { reason: null, retryAt: at }),
    'plan.made short of funds': happened('plan.made', { reason: 'not enough funds', retryAt }),
    'plan.refused': happened('plan.refused', { reason: 'a defect' }),
    'account.resumed': happened('account.resumed', { reason: 'looked at' }),
    'signer.seen': happened('signer.seen', seen),
    'signer.seen at an earlier place': happened('signer.seen', { sequence: 6, hash: 'h6' }),
    'signer.replaced': happened('signer.replaced'),
    'task.failed': happened('task.failed', { reason: 'unreachable', retryAt }),
    'time.passed': happened('time.passed'),
  },
  stands: {
    absent: [],
    ready: ['account.opened'],
    'ready, signer seen': ['account.opened', 'signer.seen'],
    'ready, with a batch window': ['account.opened with a batch window'],
    'ready, collecting': ['account.opened with a batch window', 'withdrawal.queued'],
    'ready, short of funds': ['account.opened', 'withdrawal.queued', 'plan.made short of funds'],
    'ready, short of funds, with a batch window': [
      'account.opened with a batch window',
      'withdrawal.queued',
      'time.passed',
      'plan.made short of funds',
    ],
    'gathering.due': ['account.opened', 'withdrawal.queued'],
    'gathering.delayed': ['account.opened', 'withdrawal.queued', 'task.failed'],
    'gathering.delayed, signer seen': ['account.opened', 'withdrawal.queued', 'task.failed', 'signer.seen'],
    'stuck, signer seen': ['account.opened', 'withdrawal.queued', 'plan.refused', 'signer.seen'],
    stuck: ['account.opened', 'withdrawal.queued', 'plan.refused'],
  },
  table: {
    absent: {
      'account.opened': to('ready'),
      'account.opened with a batch window': to('ready'),
    },
    ready: {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('gathering.due'),
      'time.passed': to('gathering.due'),
    },
    'ready, signer seen': {
      'withdrawal.queued': to('gathering.due'),
      'signer.replaced': to('ready', { seen: null }),
      'time.passed': to('gathering.due'),
    },
    'ready, with a batch window': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('ready', { dueAt: at + 1000 }),
      'time.passed': to('gathering.due'),
    },
    'ready, collecting': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'time.passed': to('gathering.due', { dueAt: null }),
    },
    'ready, short of funds': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('gathering.due', { dueAt: null }),
      'funds.arrived': to('gathering.due', { dueAt: null }),
      'time.passed': to('gathering.due', { dueAt: null }),
    },
    'ready, short of funds, with a batch window': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('ready', { dueAt: at + 1000 }),
      'funds.arrived': to('gathering.due', { dueAt: null }),
      'time.passed': to('gathering.due', { dueAt: null }),
    },
    'gathering.due': {
      'signer.seen': to('gathering.due', { seen }),
      'signer.seen at an earlier place': to('gathering.due', { seen: { sequence: 6, hash: 'h6' } }),
      'plan.made': to('ready'),
      'plan.made and more waits': to('ready', { dueAt: at }),
      'plan.made short of funds': to('ready', { failures: 1, dueAt: retryAt, reason: 'not enough funds' }),
      'plan.refused': to('stuck', { reason: 'a defect' }),
      'task.failed': to('gathering.delayed', { failures: 1, dueAt: retryAt, reason: 'unreachable' }),
    },
    'gathering.delayed': {
      'signer.seen': to('gathering.delayed', { seen }),
      'signer.seen at an earlier place': to('gathering.delayed', { seen: { sequence: 6, hash: 'h6' } }),
      'time.passed': to('gathering.due', { dueAt: null }),
    },
    stuck: {
      'signer.seen': to('stuck', { seen }),
      'signer.seen at an earlier place': to('stuck', { seen: { sequence: 6, hash: 'h6' } }),
      'account.resumed': to('gathering.due', { reason: null }),
    },
    'gathering.delayed, signer seen': {
      'signer.replaced': to('gathering.delayed', { seen: null }),
      'time.passed': to('gathering.due', { dueAt: null }),
    },
    'stuck, signer seen': {
      'signer.replaced': to('stuck', { seen: null }),
      'account.resumed': to('gathering.due', { reason: null }),
    },
  },
}
