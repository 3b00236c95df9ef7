export * as Layout from "./Layout.ts"
export * as Structs from "./Structs.ts"
