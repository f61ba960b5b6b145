/// What a watch tells its reader.
public enum WatchUpdate: Sendable, Equatable {
    /// The complete collection: forget everything else. The first update is one of these.
    case reset([DynamicObject])
    /// An object is new or changed.
    case applied(DynamicObject)
    /// An object is gone; its last state.
    case deleted(DynamicObject)
}
