import type { World } from './world.ts'

const SESSION_MS = 900
const ANSWER_MS_MAX = 15

/** A member of the group, as the coordinator sees it. */
export interface GroupMember {
  readonly name: string
  /** Sends heartbeats now. */
  readonly responsive: boolean
  assigned(partition: number): void
  /** To be called back once the partition was given up. */
  revoked(partition: number, done: () => void): void
}

type Assignment = { owner: GroupMember | undefined; moving: boolean }

/** A group's coordinator: who owns which partition, and the committed X of each. */
export class Group {
  readonly #world: World
  readonly #topic: string
  readonly #members = new Map<GroupMember, number>()
  readonly #assignments: Assignment[]
  readonly #committed = new Map<number, number>()
  /** Stops moving partitions for no reason. */
  settled = false

  constructor(world: World, topic: string, partitions: number) {
    this.#world = world
    this.#topic = topic
    this.#assignments = Array.from({ length: partitions }, () => ({ owner: undefined, moving: false }))
    world.every(100, () => this.#supervise())
  }

  committed(partition: number): number | undefined {
    return this.#committed.get(partition)
  }

  owner(partition: number): GroupMember | undefined {
    return this.#assignments[partition]?.owner
  }

  join(member: GroupMember): void {
    this.#members.set(member, this.#world.now)
  }

  isMember(member: GroupMember): boolean {
    return this.#members.has(member)
  }

  leave(member: GroupMember): void {
    this.#expel(member)
  }

  /** Stores offsets, unless the partition is another's by now. The answer tells; it may never come. */
  commit(member: GroupMember, partition: number, offset: number, answer: (stored: boolean) => void): void {
    const { timeline, random } = this.#world
    const lost = this.#world.draws('lost_commit', this.#world.weather.lostCommit)
    const lostOnTheWay = lost && random.perMille(500)
    if (lost) this.#world.bit('lost_commit')
    timeline.after(random.between(1, ANSWER_MS_MAX), () => {
      const mine = this.owner(partition) === member
      const stored = mine && !lostOnTheWay
      if (stored) this.#committed.set(partition, offset)
      timeline.after(random.between(1, ANSWER_MS_MAX), () => answer(stored && !lost))
    })
  }

  /** The coordinator forgets a commit, as when its retention is over. */
  forget(partition: number): void {
    this.#world.story.tell(
      this.#world.now,
      () => `the committed X of ${this.#topic}/${partition} is forgotten`,
    )
    this.#committed.delete(partition)
  }

  #supervise(): boolean {
    for (const [member, seen] of this.#members) {
      if (member.responsive) this.#members.set(member, this.#world.now)
      else if (this.#world.now - seen > SESSION_MS) this.#expel(member)
    }
    this.#assignments.forEach((assignment, partition) => this.#balance(assignment, partition))
    return true
  }

  #expel(member: GroupMember): void {
    this.#members.delete(member)
    for (const assignment of this.#assignments) {
      if (assignment.owner !== member) continue
      assignment.owner = undefined
      assignment.moving = false
    }
  }

  #balance(assignment: Assignment, partition: number): void {
    if (assignment.moving) return
    const { owner } = assignment
    if (owner === undefined) {
      const next = this.#leastLoaded()
      if (next !== undefined) this.#assign(assignment, partition, next)
      return
    }
    const next = this.#leastLoaded()
    const restless = !this.settled && this.#world.random.perMille(20)
    if (next === undefined || next === owner) return
    if (restless || this.#load(owner) > this.#load(next) + 1) this.#move(assignment, partition, owner)
  }

  #assign(assignment: Assignment, partition: number, member: GroupMember): void {
    assignment.owner = member
    this.#world.story.tell(this.#world.now, () => `${this.#topic}/${partition} is given to ${member.name}`)
    member.assigned(partition)
  }

  #move(assignment: Assignment, partition: number, owner: GroupMember): void {
    assignment.moving = true
    this.#world.faults.handover.drawn++
    owner.revoked(partition, () => {
      if (assignment.owner !== owner) return
      assignment.owner = undefined
      assignment.moving = false
      this.#world.bit('handover')
    })
  }

  #leastLoaded(): GroupMember | undefined {
    const candidates = [...this.#members.keys()].filter((member) => member.responsive)
    return candidates.sort((a, b) => this.#load(a) - this.#load(b))[0]
  }

  #load(member: GroupMember): number {
    return this.#assignments.filter(({ owner }) => owner === member).length
  }
}
