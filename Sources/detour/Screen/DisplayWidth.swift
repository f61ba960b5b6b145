/// How text fits into the cells of a terminal.
extension String {
    /// The cells the text takes: two for wide letters, none for marks that go on top of another.
    var displayWidth: Int { self.unicodeScalars.reduce(0) { $0 + $1.displayWidth } }

    /// The text cut to at most so many cells, with an ellipsis where something was left out.
    func fitted(to columns: Int) -> String {
        guard self.displayWidth > columns else { return self }
        guard columns > 0 else { return "" }
        var kept = String.UnicodeScalarView()
        var width = 1
        for scalar in self.unicodeScalars {
            width += scalar.displayWidth
            if width > columns { break }
            kept.append(scalar)
        }
        return String(kept) + "…"
    }

    /// The text with blanks behind it, or cut, so that it takes exactly so many cells.
    func padded(to columns: Int) -> String {
        let text = self.fitted(to: columns)
        return text + String(repeating: " ", count: max(0, columns - text.displayWidth))
    }

    /// The text as lines of at most so many cells, broken at blanks where there are some; later lines begin with `indent`.
    func wrapped(to columns: Int, indent: String = "") -> [String] {
        var lines: [String] = []
        var line = ""
        for word in self.split(separator: " ") {
            let longer = line.isEmpty ? String(word) : "\(line) \(word)"
            if longer.displayWidth <= columns || line.isEmpty || line == indent {
                line = longer
            } else {
                lines.append(line.fitted(to: columns))
                line = indent + word
            }
        }
        return lines + [line.fitted(to: columns)]
    }

    /// The text with everything spelt out that would steer a terminal: control and direction characters, line feeds too.
    var spelt: String {
        self.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Unicode.Scalar {
    fileprivate var displayWidth: Int {
        switch self.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch self.value {
        // Hangul, CJK, full-width forms and pictures: Unicode's East Asian Width W and F, by block.
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
            return 2
        default: return 1
        }
    }
}
