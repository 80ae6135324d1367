-- The report is plain Markdown, so that any site takes it. This filter gives it back what plain Markdown cannot say:
-- an image followed by "**Figure N.** ..." is a figure with that caption, "**Table N.** ..." before a table its caption.

local function starts_with(block, word)
  if not block or block.t ~= "Para" then return false end
  local first = block.content[1]
  if first and first.t == "Span" then first = first.content[1] end
  return first and first.t == "Strong" and pandoc.utils.stringify(first):find("^" .. word .. " %d+%.") ~= nil
end

-- With its anchor: not every format keeps identifiers of figures and tables.
local function caption_of(block)
  return pandoc.Caption({ pandoc.Plain(block.content) })
end

local function is_image(block)
  return block and (block.t == "Para" or block.t == "Plain") and #block.content == 1 and block.content[1].t == "Image"
end

local function image_of(block)
  if block.t == "Figure" then
    local inner = block.content[1]
    return is_image(inner) and inner.content[1] or nil
  end
  return is_image(block) and block.content[1] or nil
end

local function for_format(image)
  local alt = pandoc.utils.stringify(image.caption)
  image.caption = { pandoc.Str(alt) }
  if FORMAT:match("latex") then
    -- LaTeX looks for the drawing in \graphicspath, beside the source or one folder up.
    image.src = image.src:match("([^/]+)%.svg$") .. ".pdf"
    image.caption = {}
    image.attributes.alt = nil
  end
  return image
end

function Blocks(blocks)
  local result = pandoc.List()
  local i = 1
  while i <= #blocks do
    local block, following = blocks[i], blocks[i + 1]
    local image = image_of(block)
    if image and starts_with(following, "Figure") then
      result:insert(pandoc.Figure({ pandoc.Plain({ for_format(image) }) }, caption_of(following)))
      i = i + 2
    elseif starts_with(block, "Table") and following and following.t == "Table" then
      following.caption = caption_of(block)
      following.classes:insert("sortable")
      result:insert(following)
      i = i + 2
    else
      result:insert(block)
      i = i + 1
    end
  end
  return result
end

-- Links to the origin of a number, to a claim, to a reference: the page styles them each in its way.
function Link(link)
  local kinds = { ["#n-"] = "num", ["#claim-"] = "verdict", ["#ref-"] = "cite" }
  for prefix, class in pairs(kinds) do
    if link.target:sub(1, #prefix) == prefix then
      link.classes:insert(class)
      if class == "verdict" then
        local verdict = pandoc.utils.stringify(link.content):match("^Claim %d+: (.*)$")
        if verdict then link.classes:insert((verdict:gsub(" with these runs", ""):gsub(" ", "-"))) end
      end
    end
  end
  return link
end
