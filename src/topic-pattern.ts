/** Picks up topics by name: a RegExp of this process, or what a client on the wire says. */
export interface TopicPattern {
  test(topic: string): boolean
}
