import ArgumentParser
import Foundation
import KubernetesModel
import Yams

/// How data is printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
    case yaml
}

/// Data in each of the formats: the only place that knows them all.
struct Output {
    /// The table's heading.
    var columns: [String]
    /// The table's rows.
    var rows: [[String]]
    /// The same as JSON.
    var json: JSONValue

    /// The text to print.
    func text(_ format: OutputFormat) throws -> String {
        switch format {
        case .table: self.table
        case .json: self.json.pretty
        case .yaml: try Self.yaml(self.json)
        }
    }

    /// Columns as wide as their widest cell, three spaces apart.
    private var table: String {
        // A line feed in a cell would break its row.
        let lines = [self.columns] + self.rows.map { $0.map { $0.replacing("\n", with: "\u{fffd}") } }
        let widths = self.columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return
            lines
            .map { line in
                zip(line, widths)
                    .map { cell, width in Terminal.inert(cell).padding(toLength: width, withPad: " ", startingAt: 0) }
                    .joined(separator: "   ")
                    .replacing(#/ +$/#, with: "")
            }
            .joined(separator: "\n")
    }

    /// The value as a YAML document, keys sorted.
    static func yaml(_ value: JSONValue) throws -> String {
        let text = try Yams.serialize(node: Self.node(value), sortKeys: true)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    private static func node(_ value: JSONValue) -> Node {
        switch value {
        case .null: Node("null", Tag(.null))
        case .bool(let value): Node(value ? "true" : "false", Tag(.bool))
        case .integer(let value): Node(String(value), Tag(.int))
        case .double(let value): Node(String(value), Tag(.float))
        case .string(let value): Node(value, Tag(.str), Self.needsQuotes(value) ? .doubleQuoted : .any)
        case .array(let values): Node(values.map(Self.node), Tag(.seq))
        case .object(let members):
            Node(
                members.sorted { $0.key < $1.key }.map { (Node($0.key, Tag(.str)), Self.node($0.value)) },
                Tag(.map)
            )
        }
    }

    /// Whether a plain scalar of this text might be read back as something else than a string, by YAML 1.1 or 1.2.
    private static func needsQuotes(_ text: String) -> Bool {
        let words: Set = ["", "null", "~", "true", "false", "yes", "no", "on", "off", "y", "n"]
        guard let first = text.unicodeScalars.first else { return true }
        return words.contains(text.lowercased()) || "0123456789.+-".unicodeScalars.contains(first)
    }
}
