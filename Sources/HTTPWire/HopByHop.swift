/// Fields that are for the next recipient only (RFC 9110 7.6.1), and what of a head remains without them.
extension ByteView {
    /// The bytes of `range`, letters in lower case.
    fileprivate func inLowerCase(_ range: ByteRange) -> [UInt8] {
        self.bytes(range).map(lowercased)
    }

    /// Whether `name` is such a field's, `Connection` among them.
    func isHopByHop(_ name: ByteRange) -> Bool {
        switch name.count {
        case 2: self.equals("te", name)
        case 7: self.equals("upgrade", name)
        case 10: self.equals("connection", name) || self.equals("keep-alive", name)
        case 14: self.equals("http2-settings", name)
        case 16: self.equals("proxy-connection", name)
        default: false
        }
    }

    /// Whether `name` is that of a field between a client and its proxy (RFC 9110 11.7), or `Host`, which a proxy writes anew.
    fileprivate func isForProxies(_ name: ByteRange) -> Bool {
        switch name.count {
        case 4: self.equals("host", name)
        case 18: self.equals("proxy-authenticate", name)
        case 19: self.equals("proxy-authorization", name)
        case 25: self.equals("proxy-authentication-info", name)
        default: false
        }
    }
}

extension FieldCursor {
    /// Walks over what remains, in order: the start line, and runs of field lines; not the empty line at the end.
    ///
    /// - Parameters:
    ///   - view: the bytes whose head the cursor stands at the beginning of.
    ///   - end: the head's length.
    ///   - keepsUpgrade: whether an `Upgrade` field stays; the line `Connection: upgrade` that goes with it is the caller's.
    ///   - hasStrangeOptions: whether fields that `Connection` names go too, whatever they are; those that say how long the
    ///     message is stay.
    ///   - dropsProxyFields: whether fields between a client and its proxy go too, and `Host`, which such a proxy writes anew.
    public mutating func forEachKept(
        in view: ByteView,
        end: Int,
        keepsUpgrade: Bool,
        hasStrangeOptions: Bool,
        dropsProxyFields: Bool = false,
        _ visit: (ByteRange) -> Void
    ) {
        var start = 0
        let named = hasStrangeOptions ? self.namedFields(in: view) : []
        while let field = self.next(in: view) {
            let isNamed = !named.isEmpty && named.contains(view.inLowerCase(field.name))
            let isForUs =
                isNamed || view.isHopByHop(field.name) || (dropsProxyFields && view.isForProxies(field.name))
            guard isForUs, !(keepsUpgrade && view.equals("upgrade", field.name)) else { continue }
            if field.name.lower > start { visit(ByteRange(start, field.name.lower)) }
            start = field.value.upper + 2
        }
        if end - 2 > start { visit(ByteRange(start, end - 2)) }
    }

    /// The names of fields, in lower case, that `Connection` fields name and that can be left out.
    ///
    /// A set, because a head may name thousands and have thousands: what is asked of each must not depend on how many there are.
    private func namedFields(in view: ByteView) -> Set<[UInt8]> {
        var cursor = self
        var names: Set<[UInt8]> = []
        while let field = cursor.next(in: view) {
            guard view.equals("connection", field.name) else { continue }
            view.forEachListItem(field.value.lower, field.value.upper) { names.insert(view.inLowerCase($0)) }
        }
        names.subtract(["content-length", "transfer-encoding"].map { Array($0.utf8) })
        return names
    }
}
