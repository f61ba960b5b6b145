/// An ASCII letter in lower case; every other byte as it is.
@inlinable
@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// RFC 9110 5.6.2, `tchar`, as one bit a character.
@inlinable
@inline(__always)
func isTokenCharacter(_ byte: UInt8) -> Bool {
    let digitsAndSigns: UInt64 = 0x03ff_6cfa_0000_0000
    let lettersAndSigns: UInt64 = 0x57ff_ffff_c7ff_fffe
    let bits = byte < 64 ? digitsAndSigns : (byte < 128 ? lettersAndSigns : 0)
    return (bits &>> UInt64(byte & 63)) & 1 != 0
}

@inlinable
@inline(__always)
func isBlank(_ byte: UInt8) -> Bool {
    byte == Byte.space || byte == Byte.tab
}

@inlinable
@inline(__always)
func isDigit(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10
}

@usableFromInline
enum Byte {
    @usableFromInline static let tab: UInt8 = 0x09
    @usableFromInline static let lineFeed: UInt8 = 0x0a
    @usableFromInline static let carriageReturn: UInt8 = 0x0d
    @usableFromInline static let space: UInt8 = 0x20
    @usableFromInline static let comma: UInt8 = 0x2c
    @usableFromInline static let colon: UInt8 = 0x3a
    @usableFromInline static let semicolon: UInt8 = 0x3b
    @usableFromInline static let delete: UInt8 = 0x7f
}

extension ByteView {
    /// The first control character other than the tab at or after `start`, or `count`.
    ///
    /// Eight bytes at a time: a byte below 0x20 borrows into its own top bit when 0x20 is taken away, a byte equal to 0x7f becomes
    /// zero under exclusive-or and borrows likewise. Borrows run upwards only, so the lowest mark is always a true one.
    @inline(__always)
    func firstControl(from start: Int) -> Int {
        var index = start
        let end = self.count
        let tops: UInt64 = 0x8080_8080_8080_8080
        while index &+ 8 <= end {
            let word = self.word(at: index)
            let low = (word &- 0x2020_2020_2020_2020) & ~word
            let deletes = word ^ 0x7f7f_7f7f_7f7f_7f7f
            let marks = (low | ((deletes &- 0x0101_0101_0101_0101) & ~deletes)) & tops
            if marks == 0 {
                index &+= 8
                continue
            }
            index &+= marks.trailingZeroBitCount &>> 3
            if self[index] != Byte.tab {
                return index
            }
            index &+= 1
        }
        while index < end {
            let byte = self[index]
            if (byte < 0x20 && byte != Byte.tab) || byte == Byte.delete {
                return index
            }
            index &+= 1
        }
        return end
    }

    /// The range without blanks at either end.
    @inline(__always)
    func trimmed(_ lower: Int, _ upper: Int) -> ByteRange {
        var lower = lower
        var upper = upper
        while lower < upper, isBlank(self[lower]) { lower &+= 1 }
        while upper > lower, isBlank(self[upper &- 1]) { upper &-= 1 }
        return ByteRange(lower, upper)
    }
}
