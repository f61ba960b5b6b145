/// `$(NAME)` in the value of a container's variable, as the kubelet reads it.
enum VariableExpansion {
    /// The text with each `$(NAME)` replaced by the variable's value. `$$` is a dollar sign; a name that is not known, and
    /// a dollar sign before anything else, stay as they are.
    static func expand(_ text: String, _ value: (String) -> String?) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            switch rest.first {
            case "$":
                result += "$"
                rest.removeFirst()
            case "(":
                guard let end = rest.firstIndex(of: ")") else {
                    result += "$"
                    continue
                }
                let name = String(rest[..<end].dropFirst())
                result += value(name) ?? "$(\(name))"
                rest = rest[end...].dropFirst()
            default: result += "$"
            }
        }
        return result + rest
    }
}
