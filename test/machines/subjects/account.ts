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
    'task.failed': happened('task.failed', { reason: 'unreachable' }),
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
    gathering: ['account.opened', 'withdrawal.queued'],
    'gathering, in trouble': ['account.opened', 'withdrawal.queued', 'task.failed'],
    'gathering, signer seen': ['account.opened', 'withdrawal.queued', 'signer.seen'],
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
      'withdrawal.queued': to('gathering'),
      'time.passed': to('gathering'),
    },
    'ready, signer seen': {
      'withdrawal.queued': to('gathering'),
      'signer.replaced': to('ready', { seen: null }),
      'time.passed': to('gathering'),
    },
    'ready, with a batch window': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('ready', { dueAt: at + 1000 }),
      'time.passed': to('gathering'),
    },
    'ready, collecting': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'time.passed': to('gathering', { dueAt: null }),
    },
    'ready, short of funds': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('gathering', { dueAt: null }),
      'funds.arrived': to('gathering', { dueAt: null }),
      'time.passed': to('gathering', { dueAt: null }),
    },
    'ready, short of funds, with a batch window': {
      'signer.seen': to('ready', { seen }),
      'signer.seen at an earlier place': to('ready', { seen: { sequence: 6, hash: 'h6' } }),
      'withdrawal.queued': to('ready', { dueAt: at + 1000 }),
      'funds.arrived': to('gathering', { dueAt: null }),
      'time.passed': to('gathering', { dueAt: null }),
    },
    gathering: {
      'signer.seen': to('gathering', { seen }),
      'signer.seen at an earlier place': to('gathering', { seen: { sequence: 6, hash: 'h6' } }),
      'plan.made': to('ready'),
      'plan.made and more waits': to('ready', { dueAt: at }),
      'plan.made short of funds': to('ready', { dueAt: retryAt, reason: 'not enough funds' }),
      'plan.refused': to('stuck', { reason: 'a defect' }),
      'task.failed': to('gathering', { reason: 'unreachable' }),
    },
    'gathering, in trouble': {
      'signer.seen': to('gathering', { seen }),
      'signer.seen at an earlier place': to('gathering', { seen: { sequence: 6, hash: 'h6' } }),
      'plan.made': to('ready', { reason: null }),
      'plan.made and more waits': to('ready', { dueAt: at, reason: null }),
      'plan.made short of funds': to('ready', { dueAt: retryAt, reason: 'not enough funds' }),
      'plan.refused': to('stuck', { reason: 'a defect' }),
    },
    'gathering, signer seen': {
      'signer.replaced': to('gathering', { seen: null }),
      'plan.made': to('ready'),
      'plan.made and more waits': to('ready', { dueAt: at }),
      'plan.made short of funds': to('ready', { dueAt: retryAt, reason: 'not enough funds' }),
      'plan.refused': to('stuck', { reason: 'a defect' }),
      'task.failed': to('gathering', { reason: 'unreachable' }),
    },
    stuck: {
      'signer.seen': to('stuck', { seen }),
      'signer.seen at an earlier place': to('stuck', { seen: { sequence: 6, hash: 'h6' } }),
      'account.resumed': to('gathering', { reason: null }),
    },
    'stuck, signer seen': {
      'signer.replaced': to('stuck', { seen: null }),
      'account.resumed': to('gathering', { reason: null }),
    },
  },
}
