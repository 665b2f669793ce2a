/// The advertising instances of one adapter, as a value: which numbers there are, which are in use, and which one is ours.
///
/// The kernel keeps the instances of all programs in one list, and lets each program replace and remove those of the others
/// without a word to them (BlueZ, doc/mgmt-api.txt). It also keeps those of programs that have ended. So a number is taken only
/// if nobody uses it, or if it is known to be ours.
struct AdvertisingInstances: Equatable, Sendable {
    /// Whether `used` is the kernel's list, kept up to date by events.
    private(set) var isRead = false
    /// How many there can be; they are numbered from 1.
    private(set) var count: UInt8 = 0
    /// The numbers in use, ours included.
    private(set) var used: Set<UInt8> = []
    /// The one that has our advertisement, or may have it since we have asked for it.
    private(set) var own: UInt8?
    /// The one that has, or may have, our second advertisement.
    private(set) var second: UInt8?
    /// The numbers that an earlier run of ours used, until they are free: whether their advertisements are still ours cannot be seen, so they
    /// are removed, and not replaced. Another program learns that, and sends its own again.
    private(set) var former: [UInt8]
    /// Numbers that the controller did not take since the list was last read.
    private var refused: Set<UInt8> = []

    /// - Parameter former: the numbers that an earlier run of ours used since the machine was started.
    init(former: [UInt8] = []) { self.former = former }

    /// The number to advertise in: ours, or the last free one, since bluetoothd counts up from 1. nil: none is free.
    var choice: UInt8? { own ?? lastFree }

    /// The number for the second advertisement: the one that it has, or the last free one that the first does not have.
    var secondChoice: UInt8? { second ?? lastFree }

    private var lastFree: UInt8? {
        (1...max(1, count)).last { !used.contains($0) && !refused.contains($0) && $0 != own && $0 != second }
    }

    /// All that are ours.
    var ours: [UInt8] { [own, second].compactMap { $0 } }

    /// Whether a number was free, and the controller did not take it.
    var hasRefused: Bool { !refused.isEmpty }

    /// The reply to `readAdvertisingFeatures`: supported flags 4, longest data 2, most instances 1, used ones 1 + n.
    mutating func read(_ reply: [UInt8]) {
        isRead = true
        count = reply.count > 6 ? max(1, reply[6]) : 1
        used = Set(reply.dropFirst(8))
        if let own, !used.contains(own) { self.own = nil }
        if let second, !used.contains(second) { self.second = nil }
        former = former.filter { used.contains($0) }
    }

    /// The list must be read again before a number is chosen.
    mutating func forget() { (isRead, refused) = (false, []) }

    /// We are about to advertise in this number.
    mutating func claim(_ instance: UInt8) { own = instance }

    /// We are about to advertise a second thing in this number.
    mutating func claim(second instance: UInt8) { second = instance }

    /// It has our second advertisement.
    mutating func added(second instance: UInt8) {
        used.insert(instance)
        second = instance
    }

    /// It has our advertisement.
    mutating func added(ours instance: UInt8) {
        used.insert(instance)
        own = instance
    }

    /// Another program has added one.
    mutating func added(other instance: UInt8) {
        used.insert(instance)
        former.removeAll { $0 == instance }
    }

    /// One was removed, by us or by another program.
    mutating func removed(_ instance: UInt8) {
        used.remove(instance)
        if own == instance { own = nil }
        if second == instance { second = nil }
        former.removeAll { $0 == instance }
    }

    /// Another program has the number that we had claimed.
    mutating func giveUp(_ instance: UInt8) {
        if own == instance { own = nil }
        if second == instance { second = nil }
    }

    /// The controller does not take ours in this number: another one is tried, until the list is read again.
    mutating func refuse(_ instance: UInt8) {
        refused.insert(instance)
        giveUp(instance)
    }
}
