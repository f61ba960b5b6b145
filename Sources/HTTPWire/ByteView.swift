/// A borrowed, read-only run of bytes whose every access is checked, in release builds too.
///
/// The bytes belong to whoever made the view and must outlive it; a view is passed down into a call and never stored.
public struct ByteView {
    /// The bytes as the standard library sees them.
    public let raw: UnsafeRawBufferPointer

    /// A view of `raw`.
    @inlinable
    public init(_ raw: UnsafeRawBufferPointer) {
        self.raw = raw
    }

    /// How many bytes there are.
    @inlinable
    public var count: Int {
        self.raw.count
    }

    /// The byte at `index`; traps outside of the view.
    @inlinable
    public subscript(index: Int) -> UInt8 {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: self.raw.count), "index outside of the view")
        return self.raw[index]
    }

    /// The eight bytes at `index` as a little-endian word; traps outside of the view.
    @inlinable
    public func word(at index: Int) -> UInt64 {
        precondition(index >= 0 && index &+ 8 <= self.raw.count, "word outside of the view")
        return UInt64(littleEndian: self.raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// The bytes of `range`; traps outside of the view.
    @inlinable
    public func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer {
        precondition(
            range.lower >= 0 && range.lower <= range.upper && range.upper <= self.raw.count,
            "range outside of the view"
        )
        return UnsafeRawBufferPointer(rebasing: self.raw[range.lower..<range.upper])
    }

    /// The view without its first `count` bytes; traps when there are fewer.
    @inlinable
    public func dropping(_ count: Int) -> ByteView {
        ByteView(self.bytes(ByteRange(count, self.count)))
    }

    /// Whether the bytes from `start` are `text`, letters compared without regard to case.
    ///
    /// `text` is given in lower case and may hold letters, digits and `-` only.
    @inlinable
    func hasWord(_ text: StaticString, at start: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard start >= 0, start &+ length <= self.count else {
            return false
        }
        var index = 0
        while index < length {
            let byte = self.raw[start &+ index]
            guard lowercased(byte) == text.utf8Start[index] else {
                return false
            }
            index &+= 1
        }
        return true
    }
}

/// A half-open range of offsets, kept small because heads are full of them.
public struct ByteRange: Hashable, Sendable {
    @usableFromInline let lowerBound: UInt32
    @usableFromInline let upperBound: UInt32

    /// The offsets from `lower` up to, and without, `upper`.
    @inlinable
    public init(_ lower: Int, _ upper: Int) {
        self.lowerBound = UInt32(truncatingIfNeeded: lower)
        self.upperBound = UInt32(truncatingIfNeeded: upper)
    }

    /// The first offset.
    @inlinable
    public var lower: Int {
        Int(self.lowerBound)
    }

    /// The offset after the last.
    @inlinable
    public var upper: Int {
        Int(self.upperBound)
    }

    /// How many offsets there are.
    @inlinable
    public var count: Int {
        self.upper - self.lower
    }
}
