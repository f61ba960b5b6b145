/// How much the relay holds, and how much it lets each end send before that has gone on.
public enum Bounds {
    /// How much of one body may be on its way in one direction: the most that is held of it.
    public static let streamWindow = 256 << 10
    /// How much of all bodies may come before the next news about the window; news goes out at half of it.
    public static let connectionWindow = 1 << 20
    /// How much of all bodies of one connection is held before its end may send no more.
    ///
    /// Below this a body that is not read does not stand in the way of others.
    public static let heldBytes = 16 << 20
    /// How much of all bodies of one end is held before it may send only what their receivers take.
    static let pressure = heldBytes / 2
    /// How little of it is held when that is over.
    static let relief = heldBytes / 8
    /// How much is made of what one end sends before what is made has to have left.
    ///
    /// A byte of a field block can stand for thousands; RFC 7541 section 7.3.
    static let expansion = 1 << 20
    /// How much of the fields of diverted requests is held, to be sent when a connection is ready, or again.
    static let keptFields = 8 << 20
    /// The longest field block, compressed and not, that is passed on.
    public static let fieldBlock = 256 << 10
    /// The longest field block that is read at all; a longer one ends the connection.
    static let compressedBlock = 1 << 20
    /// How many frames a field block may come in.
    static let fragments = 256
    /// How much waits in front of an end's socket before bodies for it wait in their queues.
    static let outbox = 64 << 10
    /// How much that is no body may wait for an end that reads nothing, before nothing more is read for it.
    static let blockedControl = 256 << 10
    /// The largest window there is; RFC 9113 section 6.9.1.
    static let largestWindow = 0x7fff_ffff
    /// The largest stream identifier there is.
    static let largestStream: UInt32 = 0x7fff_ffff
}
