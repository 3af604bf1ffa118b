/**
 * What the sources cannot say of their ordered words: what each publishes and to whom, and what proves it. Rows of
 * docs/orderings.md, checked by scripts/orderings.mjs. A proof is a scenario of test/interleave or the title of a test,
 * letter for letter; `…` stands for what a template fills in. An access whose word its text does not say has it in NAMES.
 */

/** The app finds a ring's words by the offsets in params. */
export const ALIASES = {
  'PARAMS.sq_off_head': 'RINGS.sq_head',
  'PARAMS.sq_off_tail': 'RINGS.sq_tail',
  'PARAMS.sq_off_flags': 'RINGS.sq_flags',
  'PARAMS.sq_off_dropped': 'RINGS.sq_dropped',
  'PARAMS.cq_off_head': 'RINGS.cq_head',
  'PARAMS.cq_off_tail': 'RINGS.cq_tail',
  'PARAMS.cq_off_flags': 'RINGS.cq_flags',
  'PARAMS.cq_off_overflow': 'RINGS.cq_overflow',
}

const LOCKS = ['ACCT.lock', 'HASH.lock']

/** By a piece of the access's text, or by `function(parameter)`. */
export const NAMES = {
  '.wake(': ['WORKER.wake'],
  'wake(at)': ['WORKER.wake'],
  '.holderAt(': ['HASH_ENTRY.holder'],
  '.holder(': ['HASH_ENTRY.holder'],
  'freeBuckets(at)': ['HASH_ENTRY.holder'],
  linkWord: ['ITEM.tw_next'],
  eventfdWord: ['CTX.eventfd'],
  cancelWord: ['ITEM.flags'],
  'holder(number)': ['NUMBER.holder'],
  'lock(at)': LOCKS,
  'lockSlow(at)': LOCKS,
  'unlock(at)': LOCKS,
  'lockHolder(at)': LOCKS,
  'takeOverLock(at)': LOCKS,
}

/** Sections of the page, in order. */
export const TABLES = {
  MPSCQ: 'MPSCQ: a queue of many producers',
  WQ: 'WQ: an io-wq',
  ACCT: 'ACCT: an account',
  WORKER: 'WORKER: a worker slot',
  ITEM: 'ITEM: a work item',
  HASH: 'HASH: keys that pools share',
  HASH_POOL: 'HASH_POOL: a pool among those',
  HASH_ENTRY: 'HASH_ENTRY: a key, or a bucket',
  RINGS: 'RINGS: a ring, as the app sees it',
  BUF: 'BUF: a ring of provided buffers',
  CTX: 'CTX: a ring, as workers see it',
  REQ: 'REQ: a request',
  POOL: 'POOL: a Pool',
  SEAT: 'SEAT: a worker of a Pool',
  STREAM: 'STREAM: a file that `uring sum` hashes',
  NUMBERS: 'NUMBERS: numbers of a drop-in pool’s threads',
  NUMBER: 'NUMBER: one of them',
  gate: 'The gate of koffi',
  'waiter-state': 'A waiter for an eventfd',
}

const PUSHES = ['one node each, two pops, every order', 'two nodes each, five pops, two preemptions']
const POLLED = 'two nodes each, popped until all are there, two preemptions'
const SLEEPS_ON_EMPTY = 'two nodes each, a consumer that sleeps on isEmpty, two preemptions'
const DEATH = 'one worker, owner in a futex'
const DEATHS = 'two workers, both, owner in a futex'
const IDLE = 'enqueue against going idle: a worker that sleeps'
const SPINS = 'enqueue against going idle: a worker that spins first'
const STALL = 'a bucket freed as a worker of another account finds it busy'
const BUCKETS = 'buckets across accounts'
const LEAVES = 'race (b): an enqueue meets a worker that leaves'
const SAMPLED = 'sampler against sleeping() and running()'
const DETACHED = 'detached: its worker runs others meanwhile'
const CANCELS = ['cancel of a queued, taken, running item', 'cancel of an item just taken']
const LET_GO = 'shared hash: another pool lets go of a key as a worker finds it taken'
const MANY_POOLS = 'pools of four threads run jobs of a hundred keys, never two of one at once'
const OVERFLOW = 'the overflow flag is set from the first completion that does not fit until the last is flushed'
const CLAIMS = 'results of every size and kind, and arguments that are claimed'
const STRESS = 'a pool whose workers are killed at random instants loses nothing and runs nothing twice'
const FULL_RING = 'a full ring takes nothing until something was read'

/** [what it publishes, to whom; scenarios and tests] */
// biome-ignore format: table
const ROWS = {
  'MPSCQ.tail': ['The exchange fixes a node\'s place and publishes its record to the consumer, whose compare-exchange takes the last one out.', PUSHES, SLEEPS_ON_EMPTY],
  'MPSCQ.stub_next': ['The producer that found the queue empty links its node here; pairs with the consumer\'s load.', PUSHES, POLLED],
  'MPSCQ.cursor': ['Set before the queue is shared; the consumer\'s own after that.', PUSHES],
  'WQ.state': ['The owner publishes that workers are to leave; they look before they go idle, and are woken after it is set.', LEAVES, 'race (a): exit-on-idle is cleared between a worker’s decision to leave and an enqueue'],
  'WQ.nr_spinning': ['Counts those that spin, a bound that may be passed by one for a moment; nothing else hangs on it.', SPINS, 'spins'],
  'WQ.affinity_seq': ['The owner counts changes up; a worker that was made before the last one sees it when it is idle.', 'another affinity, and the last worker of an account that waits for a bucket'],
  'WQ.owner_wait': ['The owner says how many items it waits for, then looks at the queues; a worker pushes, then counts this down. One of the two sees the other.', IDLE, DEATH, 'a wait for two of two workers'],
  'ACCT.lock': ['Who takes it sees all that was written under it before; the exchange of the one before publishes that.', IDLE, BUCKETS, 'two workers, buckets', 'a worker that dies holding its account’s lock'],
  'ACCT.stalled': ['A worker that found only busy buckets sets it, then looks at them again; who lets a bucket go does the two in the other order.', STALL, 'race (c): an account that is stalled as exit-on-idle comes on'],
  'WORKER.state': ['A worker says under its account\'s lock that it is up, idle or gone, so that the owner knows what its death left.', 'coming up', 'two workers, leaving', 'exit-on-idle, and a new worker after the last left'],
  'WORKER.wake': ['Who wakes publishes what was queued; pairs with the loads of the one that spins or sleeps, and its compare-exchange before it sleeps.', IDLE, SPINS, 'two workers, late wake', DETACHED, 'detached: a wait that is left over, and the next one'],
  'WORKER.current': ['The item in hand, stored before it begins and cleared after it is in its queue: the owner reads of whom a push may be half done.', DEATH, DEATHS, 'detached'],
  'WORKER.work_seq': ['Counted before `current` is stored: who sees one count twice, with an item in between, has seen one and the same item.', SAMPLED, 'sampler against a worker that just blocks'],
  'WORKER.blocked': ['Under the account\'s lock; a worker looks without it first, and takes the lock if it was counted out.', SAMPLED, 'a worker that is seen to block'],
  'WORKER.tid': ['The worker names its thread before it says that it is up; the owner asks whether that thread is there.', 'coming up, owner in a futex', 'a worker that dies holding its account’s lock'],
  'WORKER.spinning': ['Set before it is counted in nr_spinning and reset after, so that a repair knows whether the dead one was counted.', SPINS, 'spins'],
  'WORKER.nr_async': ['How many promises it has pending; the owner does not take a worker for one that comes to look.', DETACHED, 'detached, in buckets'],
  'ITEM.state': ['Hands the record over: QUEUED and TAKEN under the lock, RUNNING and CANCELED by one compare-exchange each, of which one succeeds; DONE before the push.', CANCELS, DEATH, 'detached, and cancelled in its run'],
  'ITEM.flags': ['The owner adds IO_WQ_WORK_CANCEL while the item runs, then interrupts; the work looks before it waits.', CANCELS, 'cancels'],
  'ITEM.tw_next': ['The link of a node in its queue, stored by the producer behind it; pairs with the consumer\'s load.', PUSHES, POLLED, 'three die in the midst of a push, and one more sends between them'],
  'HASH.lock': ['Who takes it sees the entries as the one before left them; a dead holder loses it.', 'threads that change the table of keys at once leave it whole', 'the table of keys is mended when a thread died with its lock'],
  'HASH.nr_pools': ['Published after the new pool\'s record, to those that look for somebody to wake.', '32 pools share keys, and one that closes makes room'],
  'HASH.nr_touched': ['How many entries there have been, to one that lets go of what the dead hold.', 'keys that a terminated thread’s pool held are free'],
  'HASH_POOL.state': ['Under the lock; the last word of a pool that leaves: its place is free.', '32 pools share keys, and one that closes makes room', 'keys that a terminated thread’s pool held are free'],
  'HASH_POOL.stall_bound': ['Names the idle worker that waits for a key of another pool (`stall_unbound` is the word behind it); whoever lets one go takes the name away, and wakes that one.', LET_GO, 'shared hash: both accounts wait for a key', 'shared hash: who waits for a key is woken for something else'],
  'HASH_ENTRY.holder': ['Who has the key, or the bucket in a pool\'s own memory: taken by compare-exchange, let go by a store that publishes what the last item did.', STALL, BUCKETS, LET_GO, MANY_POOLS],
  'RINGS.sq_head': ['The owner gives slots back; an SQE before it is never read again.', 'slots come back as the other side takes SQEs', 'getSqe hands out each slot once, zeroed, until the queue is full'],
  'RINGS.sq_tail': ['The app publishes SQEs; pairs with the owner\'s load in enter, and with the kernel\'s.', 'nothing is visible before flush, and flush counts what is new'],
  'RINGS.sq_flags': ['Set before the CQ is looked at by those that sleep: TASKRUN by whoever adds task work, CQ_OVERFLOW by the owner.', OVERFLOW, 'with COOP_TASKRUN a completion comes with a system call of its thread, and TASKRUN says that one is due', 'one worker, an app that looks at the flag'],
  'RINGS.sq_dropped': ['Counts SQ array slots that named no SQE, before the head that passes them.', 'flags and dropped are the other side’s words'],
  'RINGS.cq_head': ['The app gives CQE slots back; the owner posts there only after it has loaded it.', 'a completion is read in place, all of it', OVERFLOW],
  'RINGS.cq_tail': ['The owner publishes CQEs; pairs with the app\'s load.', 'a completion is read in place, all of it', OVERFLOW],
  'RINGS.cq_flags': ['The app mutes the eventfd; whoever is about to signal looks.', 'the eventfd is muted by one bit of the flags', 'one worker, an app that sleeps on the eventfd'],
  'RINGS.cq_overflow': ['Counts completions that were lost.', 'lost completions are counted by the other side'],
  'BUF.bid': ['The upper half of entry 0\'s word is the tail: publishes the entries before it to the kernel.', 'a ring of buffers goes round beyond 65536', 'a read takes the next buffer of its ring, and says which'],
  'CTX.eventfd': ['The owner names the eventfd that a worker signals, and takes it away before it is closed; a grace period follows.', 'rings wake their loops by …, in the main thread and in Workers (…)'],
  'REQ.poll': ['A wait for a file is ended by the worker or taken away by a cancel: two compare-exchanges, of which one succeeds.', 'a wait that was taken away moves nothing, in every order; armed before: …'],
  'POOL.armed': ['The owner says that it sleeps, then looks at the queue and the claims; a worker pushes or claims, then takes this to 0. One of the two sees the other.', 'before each sleep, and while it looks in vain, the owner sees to what is queued', STRESS, 'an owner goes to sleep as jobs end'],
  'POOL.nr_claims': ['Moved after a claim is published; the owner that sees it move looks at every seat.', CLAIMS, 'while the caller sleeps', 'arguments are claimed'],
  'POOL.sab_epoch': ['The owner counts up when a shared buffer was collected; it alone reads it in order, workers before each buffer of a job.', 'collecting a buffer moves the epoch: nothing is kept for ever'],
  'POOL.post_held': ['The owner counts a job before it posts what goes with it; the postmaster leaves by taking 0 to POST_GONE, and the owner makes that of one that died before it looks at the asks.', 'the postmaster: …', 'it leaves when it has been idle for long, and another comes'],
  'POOL.post_calls': ['Moved after an ask or mail is published; the postmaster loads it before it looks, and sleeps on what it loaded.', 'the postmaster: …'],
  'SEAT.ask': ['The worker says what it wants, in one word; whoever takes it away replies.', 'the postmaster: …', 'whoever asks when it dies is told'],
  'SEAT.reply': ['The postmaster has posted what was asked for; publishes it to the worker that sleeps here. Where the postmaster is gone the owner moves it, and the worker looks at POOL.post_held.', 'the postmaster: …', 'whoever asks when it dies is told'],
  'SEAT.claim': ['The worker names the item whose message it wants; the owner takes the name away before it answers.', CLAIMS, 'while the caller sleeps', 'arguments are claimed'],
  'SEAT.ring_head': ['How far results reach: for the next worker in this slot, should this one die.', FULL_RING, 'bytes of a worker that died unread are passed over', 'results fill a ring, whose counts begin anew'],
  'SEAT.phase': ['How far a worker has come, for the error if it dies; that it leaves, for the owner that makes another.', 'what a thread ends with before it is up', 'a thread that is replaced makes room as it begins to leave, not when it is gone'],
  'SEAT.answer': ['The owner has posted the message; publishes it to the worker that sleeps here.', CLAIMS, 'while the caller sleeps', 'arguments are claimed'],
  'SEAT.ring_tail': ['The owner gives room back: it has read all before it.', FULL_RING, 'what goes into a ring comes out of it, round and round', 'results fill a ring, whose counts begin anew'],
  'SEAT.retires': ['The owner tells a worker to take no more jobs; it looks before each.', 'recycle replaces every worker after its job, and refuses no job meanwhile', 'a worker that retires leaves work to the next'],
  'STREAM.tail': ['Publishes a block and its length; the worker sleeps on it.', '…: a large file is summed in bounded memory'],
  'STREAM.head': ['Gives a block back; pairs with the app\'s load before it fills one.', '…: a large file is summed in bounded memory'],
  'STREAM.app_waits': ['The app says that it waits for a block, then looks at the head again; the worker moves the head, then takes this to 0.', '…: a large file is summed in bounded memory'],
  'NUMBERS.given_back': ['Counted up after a number is free; a thread that finds none reads it before it looks, and sleeps here.', 'a thread that finds no number free sleeps until one is given back'],
  'NUMBER.holder': ['The threadId that takes a free number; whoever gives it back takes it to 0 from that threadId alone.', 'threads take the lowest free number, each its own', 'a thread that finds no number free sleeps until one is given back'],
  'gate.INSIDE': ['Counted up before one enters koffi and down after; who closes the gate waits for 0.', 'closing waits for those inside, and the one that closes may go in'],
  'gate.CLOSERS': ['Counted up before the closer looks at INSIDE; one that enters counts itself, then looks here. One of the two sees the other.', 'closing waits for those inside, and the one that closes may go in'],
  'waiter-state.STATE': ['What the waiter is to do; it sleeps here while it has nothing to.', 'what is signalled while nobody waits wakes then or at the next ref', 'close closes the fd, as the last thing the thread does, and nothing wakes afterwards', 'a waiter hears each signal and closes its eventfd last, in every order'],
  'waiter-state.IS_UP': ['The waiter has loaded all that it needs, and may be terminated.', 'a Worker that is terminated with one in full swing takes its thread along', 'a waiter hears each signal and closes its eventfd last, in every order'],
}

export const WORDS = Object.fromEntries(
  Object.entries(ROWS).map(([word, [publishes, ...proofs]]) => [word, { publishes, proofs: proofs.flat() }]),
)
