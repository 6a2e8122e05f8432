@NullMarked
package dev.wherry.path.shared;

import org.jspecify.annotations.NullMarked;
