/**
 * The seams of the data path: {@link dev.wherry.path.BlockDevice}, {@link
 * dev.wherry.path.PathHandler}, the two plugin interfaces and {@link dev.wherry.path.ReadPolicy},
 * and the {@link dev.wherry.path.Volume} that hosts hold open. The devices, handlers and policies
 * that ship live one package each below. All methods are asynchronous and safe on any thread.
 */
@NullMarked
package dev.wherry.path;

import org.jspecify.annotations.NullMarked;
